"""The archive that is installed, and how it is packed as a wheel of the distribution ``detectron2``."""

from __future__ import annotations

import base64
import hashlib
import stat
import zipfile
from pathlib import Path

ARCHIVE_PROJECT = "pb1-detectron2"
ARCHIVE_SHA256 = "5d2e9e51e523ec72f6a31cca04b0a515492e9514b773a3d134cedc0677170b29"
ARCHIVE_VERSION = "0.6"
OWN_LABEL = f"{ARCHIVE_VERSION}+mended"
INSTALLED_VERSION = f"{OWN_LABEL}.1"  # count up with every change of detectron2_patches: it replaces older ones
# Folders of the archive -> packages of the wheel: what Detectron2's own set-up installs, less its `tools`.
PACKAGES = {
    "detectron2": "detectron2",
    "projects/DeepLab/deeplab": "detectron2/projects/deeplab",
    "projects/Panoptic-DeepLab/panoptic_deeplab": "detectron2/projects/panoptic_deeplab",
    "projects/PointRend/point_rend": "detectron2/projects/point_rend",
}
NEEDS = (
    "cloudpickle",
    "fvcore>=0.1.5",
    "hydra-core>=1.1",
    "iopath>=0.1.7",
    "matplotlib",
    "numpy",
    "omegaconf>=2.1",
    "Pillow>=7.1",
    "pycocotools>=2.0.2",
    "tabulate",
    "tensorboard",
    "termcolor>=1.1",
    "torch",
    "torchvision",
    "tqdm>4.29.0",
    "yacs>=0.1.8",
)


def build_wheel(tree: Path, folder: Path, changes: list[str]) -> Path:
    """Packs the Python tree as a wheel; no build tool is run.

    Args:
        tree: unpacked and patched archive.
        folder: where the wheel goes.
        changes: what was patched, told in the wheel's description (Apache-2.0 asks for that).

    Returns:
        The wheel's path. It belongs to the distribution ``detectron2``, so that an installation from
        Detectron2's repository replaces it cleanly.
    """
    files: dict[str, bytes] = {}
    for source, package in PACKAGES.items():
        for path in sorted((tree / source).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                files[f"{package}/{path.relative_to(tree / source).as_posix()}"] = path.read_bytes()
    info = f"detectron2-{INSTALLED_VERSION}.dist-info"
    metadata = ["Metadata-Version: 2.1", "Name: detectron2", f"Version: {INSTALLED_VERSION}"]
    metadata += ["Summary: Detectron2 0.6 without its compiled extension, patched for current libraries"]
    metadata += ["License: Apache-2.0", *(f"Requires-Dist: {need}" for need in NEEDS)]
    metadata += ["", f"Made from {ARCHIVE_PROJECT} {ARCHIVE_VERSION}, SHA-256 {ARCHIVE_SHA256}. Changed:", ""]
    metadata += [f"- {change}" for change in changes]
    wheel = "Wheel-Version: 1.0\nGenerator: constrained_rcnn\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/METADATA"] = ("\n".join(metadata) + "\n").encode()
    files[f"{info}/WHEEL"] = wheel.encode()
    files[f"{info}/LICENSE"] = (tree / "LICENSE").read_bytes()
    record = [f"{name},sha256={_record_hash(data)},{len(data)}" for name, data in files.items()]
    record.append(f"{info}/RECORD,,")
    files[f"{info}/RECORD"] = ("\n".join(record) + "\n").encode()
    path = folder / f"detectron2-{INSTALLED_VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # the same bytes on every day
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, data)
    return path


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
