"""Installs the package. Detectron2 is not on PyPI under its name: the command install-detectron2 installs it."""

import re
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
INIT = (ROOT / "constrained_rcnn" / "__init__.py").read_text(encoding="utf-8")
VERSION = re.search(r'^__version__ = "(.+)"$', INIT, re.MULTILINE)[1]


class BuildWithNotebook(build_py):
    """Also puts the notebook, which stands in tools/, into the wheel."""

    def run(self):
        super().run()
        if not self.editable_mode:
            self.copy_file(str(ROOT / "tools" / "demo.ipynb"), str(Path(self.build_lib) / "constrained_rcnn"))


setup(
    name="constrained_rcnn",
    version=VERSION,
    description="Constrained R-CNN: image manipulation detection and localisation on Detectron2",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.9",
    # The configs stand at the top of the repository and are installed inside the package; model_zoo.py knows.
    packages=[*find_packages(include=["constrained_rcnn", "constrained_rcnn.*"]), "constrained_rcnn.configs"],
    package_dir={"constrained_rcnn.configs": "configs"},
    package_data={
        "constrained_rcnn": ["py.typed", "weights/*.pth"],
        "constrained_rcnn.apps": ["*/schema/*.json", "serve/static/*"],
        "constrained_rcnn.configs": ["*.yaml", "**/*.yaml"],
        "constrained_rcnn.evidence": ["*.json"],
        "constrained_rcnn.matching.index": ["*.npz"],
        "constrained_rcnn.visualization.html": ["templates/*"],
    },
    cmdclass={"build_py": BuildWithNotebook},
    entry_points={
        "console_scripts": [
            "constrained-rcnn = constrained_rcnn.apps.cli:main",
            "constrained-rcnn-compare = constrained_rcnn.apps.compare.command:main",
        ]
    },
    install_requires=[
        "jinja2>=3",
        "numpy",
        "opencv-python>=4.8",
        "pillow",
        "pycocotools>=2.0.2",
        "shtab",  # completes commands in a shell
        "torch>=2.10",  # older ones may execute code or corrupt memory even with weights_only
        "torchvision",
        "tqdm",
        # Detectron2's own run-time needs.
        "cloudpickle",
        "fvcore>=0.1.5",
        "hydra-core>=1.1",
        "iopath>=0.1.7",
        "matplotlib",
        "omegaconf>=2.1",
        "tabulate",
        "tensorboard",
        "termcolor>=1.1",
        "yacs>=0.1.8",
    ],
    extras_require={
        "datasets": ["openpyxl", "scipy"],  # read CASIA's spreadsheet of corrected names and MATLAB masks
        "demo": ["scikit-image", "scikit-learn"],  # they ship the photos that the demo forges
        "docs": ["mkdocs-material", "mkdocstrings", "mkdocstrings-python"],  # the site
        "heif": ["pillow-heif"],  # reads phones' HEIC files
        "index": ["faiss-cpu>=1.9"],  # finds images among very many
        "makernotes": ["exifread"],  # reads makers' own notes in EXIF
        "open-nsfw": ["onnx"],  # reads the ImageNet features that the half-width ResNet-50 starts from
        "provenance": ["c2pa-python"],  # reads and validates Content Credentials
        "tensorflow": ["google-crc32c"],  # checksums of the released checkpoints; TensorFlow itself is not needed
        "test": [
            "c2pa-python",
            "cryptography",
            "exifread",
            "faiss-cpu",
            "google-crc32c",
            "httpx2",
            "ipykernel",
            "jsonschema",
            "nbclient",
            "nbformat",
            "onnx",
            "onnxruntime",
            "openpyxl",
            "pillow-heif",
            "pytest-cov",
            "pytest-xdist",
            "pytest>=7",
            "python-multipart",
            "scikit-image",
            "scikit-learn",
            "scipy",
            "starlette",
            "uvicorn",
            "websockets",
        ],
        "web": ["python-multipart", "starlette", "uvicorn"],  # the page and the API of constrained-rcnn serve
    },
)
