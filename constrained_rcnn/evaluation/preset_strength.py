"""How hard the forgeries of a preset are: what detectors without training score on them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data import annotation_format
from ..data.techniques import TECHNIQUES
from ..synthesis import DEFAULT_SIZE, get_preset, write_forgeries
from ..synthesis.objects import ObjectAnnotations
from ..synthesis.photos import Photo
from .baselines import BASELINES, evaluate_baseline


def preset_strength(
    photos: Sequence[Photo],
    preset: str,
    count: int,
    seed: int,
    *,
    size: tuple[int, int] = DEFAULT_SIZE,
    annotations: ObjectAnnotations | None = None,
    workers: int = 2,
    progress: Callable = iter,
) -> Mapping[str, Mapping[str, Any]]:
    """Makes forgeries and authentic counterparts in a temporary folder and scores every baseline on them.

    Args:
        photos, preset, count, seed, size, annotations, workers: as ``synthesis.write_forgeries`` takes them.
        progress: wraps the iteration over the images of a baseline.

    Returns:
        Baseline -> what ``summary.summarise`` returns. The nearer ``auc`` is to 0.5 and ``f1_best`` to that of
        ``all_ones``, the harder the preset.

    Raises:
        UserError: no such preset, or too few usable photos.
    """
    techniques = ("splice",) if get_preset(preset).recipe == "rgbn" else TECHNIQUES
    with tempfile.TemporaryDirectory() as folder:
        written = write_forgeries(
            photos, Path(folder), preset, count, seed, preset=preset, techniques=techniques, size=size,
            annotations=annotations, workers=workers,
        )  # fmt: skip
        rows = annotation_format.load(written["json_file"])
        return {name: evaluate_baseline(name, rows, progress=progress) for name in BASELINES}
