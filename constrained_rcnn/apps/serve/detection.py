"""Detection of one upload, in the worker process."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np

from ...evidence import Finding
from ...images.icc import to_srgb
from ...inference.predictor import ManipulationPredictor
from ...model_zoo import load_default_config
from ...utils.files import write_bytes_atomic, write_jpeg_atomic
from ...visualization.overlay import heat
from ..detect.detector import ImageDetector, Skipped, Task
from ..detect.evidence import EvidenceMaker
from ..detect.network import about_of
from ..detect.result_files import ResultFiles
from ..evidence.options import EvidenceOptions
from ..image_pages import Item
from .progress import ASKING, DETECTING, Progress
from .runner import Failed
from .worker import NAME, Assignment

#: Longest sides of what the page shows: the image, and the map in colour above it, which is smooth; pixels.
_LONGEST, _LONGEST_MAP = 1600, 800


class Detection:
    """Detects as ``constrained-rcnn detect`` does; the files of each upload are in its own folder."""

    def __init__(self, config_file: str | None, options: list[str], progress: Progress):
        """
        Args:
            config_file, options: see :func:`...model_zoo.load_default_config`.
            progress: is told how far it is.

        Raises:
            UserError: a config or weights that cannot be used.
        """
        cfg = load_default_config(config_file, options)
        self._predictor, self._about, self._progress = ManipulationPredictor(cfg), about_of(cfg), progress
        self._ask = EvidenceMaker(EvidenceOptions(), self._about["weights"]["sha256"], cfg.INPUT.MAX_PIXELS)

    def __call__(self, task: Assignment) -> dict | Failed:
        """Returns the content of the JSON file."""
        files = ServedFiles(task.folder, self._about, float_maps=False, copy_move=True)
        report = partial(self._progress.tell, DETECTING)
        detect = ImageDetector(self._predictor, files, task.folder, True, self._examine, lambda name: report)
        outcome = detect(Task(Item(task.file, label=task.label), NAME))
        return Failed(outcome.reason) if isinstance(outcome, Skipped) else outcome

    def _examine(self, *image) -> list[Finding]:
        self._progress.tell(ASKING)
        return self._ask(*image)


class ServedFiles(ResultFiles):
    """Besides the files of ``detect`` those that the page lays on each other."""

    def write(self, item: Item, name: str, data: bytes, digest: str, result, findings=None) -> dict:
        """Also writes ``<name>_view.jpg``, the image in sRGB, and ``<name>_heat.png``, the map in colour, as opaque as
        its value."""
        profile = result.reading.profile if result.reading else b""
        view = to_srgb(_reduced(result.image, _LONGEST), profile)
        write_jpeg_atomic(self._folder / f"{name}_view.jpg", view, 88)
        shown = _reduced(result.manipulation_map, _LONGEST_MAP)
        alpha = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)
        _, png = cv2.imencode(".png", np.dstack([heat(shown), alpha]))
        write_bytes_atomic(self._folder / f"{name}_heat.png", png.tobytes())
        return super().write(item, name, data, digest, result, findings)


def _reduced(image: np.ndarray, longest: int) -> np.ndarray:
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
