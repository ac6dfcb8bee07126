"""Choosing operating points: on untouched images, at a stated false-alarm rate, kept in the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

from .checkpoint import read_checkpoint, write_checkpoint
from .errors import UserError
from .operating_points import KEY, RATE, OperatingPoints
from .predictor import ManipulationPredictor
from .untouched import examine, untouched_files


def calibrate(
    cfg,
    photos: Sequence[str] = (),
    dataset: str | None = None,
    *,
    rate: float = RATE,
    variants: bool = True,
    description: str = "",
    progress=iter,
) -> OperatingPoints:
    """Scores untouched images and writes the operating points into the checkpoint's metadata.

    Args:
        cfg: config whose MODEL.WEIGHTS is read and rewritten (atomically).
        photos, dataset: see :func:`.untouched.untouched_files`; photos that no training saw, never a test split.
        rate: share of untouched images that may be called manipulated, in (0, 1).
        variants: also of each image what becomes of it when it is saved again, reduced and cropped.
        description: what the images are, kept beside the points.
        progress: wraps the iteration, for instance ``tqdm``.

    Returns:
        What was written.

    Raises:
        UserError: no image, or a rate outside (0, 1).
    """
    if not 0 < rate < 1:
        raise UserError(f"false-alarm rate {rate}: give a share above 0 and below 1")
    files = untouched_files(photos, dataset)
    predictor = ManipulationPredictor(cfg)
    predictor.model.operating_points = None  # those of an earlier calibration
    scores: dict[str, list[float]] = {}
    copy_moves = []
    for one in examine(predictor, files, variants=variants, progress=progress):
        if one.unsuitable is None:
            scores.setdefault(one.kind, []).append(one.score)
            copy_moves.append(one.copy_move)
    if not copy_moves:
        raise UserError(f"{len(files)} images, and none of a kind that can be judged; give untouched photos")
    points = OperatingPoints.measure(scores, copy_moves, rate)
    data = read_checkpoint(cfg.MODEL.WEIGHTS)
    kept = {**points.to_metadata(), "rate": float(rate), "measured_on": description or f"{len(files)} untouched images"}
    data["metadata"] = {**data.get("metadata", {}), KEY: kept}
    write_checkpoint(data, cfg.MODEL.WEIGHTS)
    return points
