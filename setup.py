"""Installs the package. Detectron2 is not on PyPI under its name: the command install-detectron2 installs it.

With CONSTRAINED_RCNN_LITE=1 in the environment it is constrained_rcnn_lite instead: detection with the weights of the
package by ONNX Runtime, without Torch and Detectron2. An environment holds one of the two: their modules have the
same names.
"""

import os
import re
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
INIT = (ROOT / "constrained_rcnn" / "__init__.py").read_text(encoding="utf-8")
VERSION = re.search(r'^__version__ = "(.+)"$', INIT, re.MULTILINE)[1]
LITE = os.environ.get("CONSTRAINED_RCNN_LITE", "") not in ("", "0")
#: What the lite package leaves out: what needs Torch, and what makes training data.
NOT_LITE = ("benchmarks", "engine", "evaluation", "modeling", "preparation", "released", "synthesis")

PACKAGES = find_packages(include=["constrained_rcnn", "constrained_rcnn.*"])
SCRIPTS = ["constrained-rcnn-lite = constrained_rcnn.apps.lite.command:main"]
NEEDS = [
    "jinja2>=3",
    "numpy",
    "pillow",
    "tqdm",
]
WEIGHTS = ["weights/*.onnx"]
if LITE:
    PACKAGES = [name for name in PACKAGES if (name.split(".") + [""])[1] not in NOT_LITE]
    NEEDS += ["onnxruntime>=1.20", "opencv-python-headless>=4.8"]
else:
    PACKAGES += ["constrained_rcnn.configs"]
    WEIGHTS += ["weights/*.pth"]
    SCRIPTS += [
        "constrained-rcnn = constrained_rcnn.apps.cli:main",
        "constrained-rcnn-compare = constrained_rcnn.apps.compare.command:main",
    ]
    NEEDS += [
        "opencv-python>=4.8",
        "pycocotools>=2.0.2",
        "shtab",  # completes commands in a shell
        "torch>=2.10",  # older ones may execute code or corrupt memory even with weights_only
        "torchvision",
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
    ]


class BuildWithNotebook(build_py):
    """Also puts the notebook, which stands in tools/, into the wheel."""

    def run(self):
        super().run()
        if not self.editable_mode and not LITE:
            self.copy_file(str(ROOT / "tools" / "demo.ipynb"), str(Path(self.build_lib) / "constrained_rcnn"))


setup(
    name="constrained_rcnn_lite" if LITE else "constrained_rcnn",
    version=VERSION,
    description="Constrained R-CNN: image manipulation detection and localisation "
    + ("with ONNX Runtime" if LITE else "on Detectron2"),
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.9",
    # The configs stand at the top of the repository and are installed inside the package; model_zoo.py knows.
    packages=PACKAGES,
    package_dir={} if LITE else {"constrained_rcnn.configs": "configs"},
    package_data={
        "constrained_rcnn": ["py.typed", *WEIGHTS],
        "constrained_rcnn.apps": ["*/schema/*.json", "serve/static/*"],
        "constrained_rcnn.configs": ["*.yaml", "**/*.yaml"],
        "constrained_rcnn.evidence": ["*.json"],
        "constrained_rcnn.matching.index": ["*.npz"],
        "constrained_rcnn.visualization.html": ["templates/*"],
    },
    exclude_package_data={"constrained_rcnn": ["weights/*.pth"]} if LITE else {},
    options={"build": {"build_base": "build/lite"}} if LITE else {},  # what one has built, the other would pack
    cmdclass={"build_py": BuildWithNotebook},
    entry_points={"console_scripts": SCRIPTS},
    install_requires=NEEDS,
    extras_require={}
    if LITE
    else {
        "datasets": ["openpyxl", "scipy"],  # read CASIA's spreadsheet of corrected names and MATLAB masks
        "demo": ["scikit-image", "scikit-learn"],  # they ship the photos that the demo forges
        "docs": ["mkdocs-material", "mkdocstrings", "mkdocstrings-python"],  # the site
        "heif": ["pillow-heif"],  # reads phones' HEIC files
        "index": ["faiss-cpu>=1.9"],  # finds images among very many
        "makernotes": ["exifread"],  # reads makers' own notes in EXIF
        "onnx": ["onnx", "onnxruntime>=1.20", "onnxscript"],  # write the network as ONNX, and run it
        "open-nsfw": ["onnx"],  # reads the ImageNet features that the half-width ResNet-50 starts from
        "provenance": ["c2pa-python"],  # reads and validates Content Credentials
        "ray": ["pyarrow", "ray[data]==2.60.0"],  # scan: workers on one machine or many, and Parquet
        "tensorflow": ["google-crc32c"],  # checksums of the released checkpoints; TensorFlow itself is not needed
        "test": [
            "build",
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
            "onnxscript",
            "openpyxl",
            "pillow-heif",
            "pyarrow",
            "pytest-cov",
            "pytest-xdist",
            "pytest>=7",
            "python-multipart",
            "ray[data]==2.60.0",
            "scikit-image",
            "scikit-learn",
            "scipy",
            "starlette",
            "twine",
            "uvicorn",
            "websockets",
        ],
        "web": ["python-multipart", "starlette", "uvicorn"],  # the page and the API of constrained-rcnn serve
    },
)
