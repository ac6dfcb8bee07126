"""What today's Torch, NumPy, Pillow and setuptools dropped, patched in Detectron2 0.6's sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from constrained_rcnn.utils.errors import UserError


@dataclass(frozen=True)
class Patch:
    """One replacement in one source file.

    Attributes:
        path: file, POSIX, relative to the folder that holds ``detectron2/``.
        pattern: regular expression (multi-line mode) of what stands in 0.6.
        replacement: what stands there afterwards, as ``re.sub`` understands it.
        count: how often the pattern occurs in 0.6; any other number means that this is another source.
        why: half a line for the person who runs the installer.
    """

    path: str
    pattern: str
    replacement: str
    count: int
    why: str


def _numpy_aliases(path: str, count: int) -> Patch:
    return Patch(path, r"\bnp\.(bool|int|float|str)\b", r"\1", count, "NumPy 1.24 dropped np.bool, np.int, ...")


# A guarded import: only a missing caffe2 is forgiven, any other failure still shows.
_WITHOUT_CAFFE2 = r"""try:
    \g<0>
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] != "caffe2":
        raise"""

PATCHES = (
    Patch(
        "detectron2/data/transforms/transform.py",
        r"\bImage\.LINEAR\b",
        "Image.BILINEAR",
        1,
        "Pillow 10 dropped Image.LINEAR",
    ),
    _numpy_aliases("detectron2/data/build.py", 2),
    _numpy_aliases("detectron2/data/datasets/pascal_voc.py", 1),
    _numpy_aliases("detectron2/evaluation/pascal_voc_evaluation.py", 2),
    _numpy_aliases("detectron2/evaluation/sem_seg_evaluation.py", 7),
    _numpy_aliases("detectron2/structures/masks.py", 3),
    _numpy_aliases("detectron2/utils/video_visualizer.py", 1),
    _numpy_aliases("detectron2/utils/visualizer.py", 3),
    Patch(
        "detectron2/model_zoo/model_zoo.py",
        r"^import pkg_resources\n",
        "",
        1,
        "setuptools 82 dropped pkg_resources",
    ),
    Patch(
        "detectron2/model_zoo/model_zoo.py",
        r'\bpkg_resources\.resource_filename\(\s*"detectron2\.model_zoo",',
        "os.path.join(os.path.dirname(__file__),",
        1,
        "setuptools 82 dropped pkg_resources",
    ),
    Patch(
        "detectron2/export/__init__.py",
        r"^from \.api import \*$",
        _WITHOUT_CAFFE2,
        1,
        "Torch dropped caffe2; tracing and scripting do without it",
    ),
    Patch(
        "detectron2/evaluation/coco_evaluation.py",
        r"\buse_fast_impl=True,",
        "use_fast_impl=False,",
        2,
        "COCO evaluation defaults to pycocotools; the fast one needs the extension",
    ),
    Patch(
        "detectron2/modeling/anchor_generator.py",
        r"\btorch\.meshgrid\(shifts_y, shifts_x\)",
        'torch.meshgrid(shifts_y, shifts_x, indexing="ij")',
        1,
        "Torch 1.10 warns without indexing",
    ),
)

# `default_setup` logs the three functions below, so they have to answer. Dunder names are asked for by the
# import system and by test tools, which understand AttributeError only.
EXTENSION_STUB = '''"""Stands for the compiled extension, which Detectron2's source archive cannot build."""


def get_compiler_version():
    return "none (installed without the compiled extension)"


def get_cuda_version():
    return "none (installed without the compiled extension)"


def has_cuda():
    return False


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    raise ImportError(
        f"detectron2._C.{name} is not available: this Detectron2 was installed without its compiled "
        "extension (deformable convolution, rotated boxes, fast COCO evaluation); "
        "build Detectron2 from its repository to get it"
    )
'''
EXTENSION_PATH = "detectron2/_C.py"


def apply_patches(root: Path, patches: tuple[Patch, ...] = PATCHES) -> list[str]:
    """Patches an unpacked Detectron2 0.6 in place and puts the stub of the extension beside it.

    Args:
        root: folder that holds ``detectron2/``; changed in place.
        patches: the replacements.

    Returns:
        One line per change, for people.

    Raises:
        UserError: a file is missing or does not hold what 0.6 has there; nothing has been written then.
    """
    texts: dict[str, str] = {}
    done = []
    for patch in patches:
        if patch.path not in texts:
            texts[patch.path] = _read(root / patch.path)
        texts[patch.path], count = re.subn(patch.pattern, patch.replacement, texts[patch.path], flags=re.MULTILINE)
        if count != patch.count:
            raise UserError(
                f"{patch.path}: expected {patch.pattern!r} {patch.count} times, found {count}; "
                "this is not the source of Detectron2 0.6"
            )
        done.append(f"{patch.path}: {patch.why} ({count})")
    if (root / EXTENSION_PATH).exists():
        raise UserError(f"{EXTENSION_PATH}: exists already; this is not the source of Detectron2 0.6")
    for path, text in texts.items():
        (root / path).write_text(text, encoding="utf-8")
    (root / EXTENSION_PATH).write_text(EXTENSION_STUB, encoding="utf-8")
    done.append(f"{EXTENSION_PATH}: a stub that says what is missing without the compiled extension")
    return done


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; this is not the source of Detectron2 0.6") from error
