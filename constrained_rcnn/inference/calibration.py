"""Choosing operating points: on untouched images, at a stated false-alarm rate, kept in the checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..data.catalog import dataset_dicts
from ..data.techniques import TECHNIQUES
from ..images.reading import read_mask
from ..modeling.checkpoint import read_checkpoint, write_checkpoint
from ..utils.errors import UserError
from .operating_points import KEY, RATE, OperatingPoints, margin_at
from .predictor import ManipulationPredictor
from .test_time_augmentation import DEFAULT_THRESHOLD, network_alone
from .untouched import Untouched, examine, untouched_files

#: Share of a detection's mask that must be forged for its technique to be compared with the true one.
HIT = 0.5


def calibrate(
    cfg,
    photos: Sequence[str] = (),
    dataset: str | None = None,
    forgeries: str | None = None,
    *,
    rate: float = RATE,
    variants: bool = True,
    description: str = "",
    progress=iter,
) -> tuple[OperatingPoints, list[Untouched]]:
    """Scores untouched images and writes the operating points into the checkpoint's metadata.

    Args:
        cfg: config whose MODEL.WEIGHTS is read and rewritten (atomically).
        photos, dataset: see :func:`.untouched.untouched_files`; photos that no training saw, never a test split.
        forgeries: registered name or path of a prepared split, by whose forgeries the margin is chosen from which on a
            technique is named; None: each is.
        rate: share of untouched images that may be called manipulated, in (0, 1).
        variants: also of each image what becomes of it when it is saved again, reduced and cropped.
        description: what the images are, kept beside the points.
        progress: wraps the iteration, for instance ``tqdm``.

    Returns:
        What was written, and what :func:`cross_validated` says of the images.

    Raises:
        UserError: no image, or a rate outside (0, 1).
    """
    if not 0 < rate < 1:
        raise UserError(f"false-alarm rate {rate}: give a share above 0 and below 1")
    files = untouched_files(photos, dataset)
    # Scores are the network's own; copy-moves are counted beside them.
    predictor = ManipulationPredictor(network_alone(cfg))
    predictor.model.operating_points = None  # those of an earlier calibration
    examined = list(examine(predictor, files, variants=variants, progress=progress))
    if all(image.unsuitable is not None for image in examined):
        raise UserError(f"{len(files)} images, and none of a suitable kind; give untouched photos")
    points = _points(examined, rate)
    if forgeries is not None:
        margin = margin_at(*named_techniques(predictor, forgeries, progress))
        points = dataclasses.replace(points, technique_margin=margin)
    data = read_checkpoint(cfg.MODEL.WEIGHTS)
    entry = {
        **points.to_metadata(),
        "rate": float(rate),
        "measured_on": description or f"{len(files)} untouched images",
    }
    data["metadata"] = {**data.get("metadata", {}), KEY: entry}
    write_checkpoint(data, cfg.MODEL.WEIGHTS)
    return points, cross_validated(examined, rate)


def cross_validated(examined: Sequence[Untouched], rate: float) -> list[Untouched]:
    """The decision about each image by operating points of the other half of the files: what to expect of new photos.

    Args:
        examined: with the network's own scores. Every second file, by the order of their names, makes a half.
        rate: see :func:`calibrate`.

    Returns:
        The images, with shifted scores and decisions; none where a half has no suitable image.
    """
    names = sorted({image.file for image in examined})
    halves = [[image for image in examined if image.file in set(names[start::2])] for start in (0, 1)]
    if any(all(image.unsuitable is not None for image in half) for half in halves):
        return []
    decisions = []
    for half, other in (halves, halves[::-1]):
        points = _points(other, rate)
        for image in half:
            score, _ = points.score(image.score, image.kind, image.copy_move)
            manipulated = score > DEFAULT_THRESHOLD and image.unsuitable is None
            decisions.append(dataclasses.replace(image, score=score, manipulated=manipulated))
    return decisions


def _points(examined: Sequence[Untouched], rate: float) -> OperatingPoints:
    suitable = [image for image in examined if image.unsuitable is None]
    scores: dict[str, list[float]] = {}
    for image in suitable:
        scores.setdefault(image.kind, []).append(image.score)
    return OperatingPoints.measure(scores, [image.copy_move for image in suitable], rate)


def named_techniques(predictor: ManipulationPredictor, dataset: str, progress=iter) -> tuple[list[float], list[bool]]:
    """How sure the network is of the technique of each forgery that it hits, and whether it is right.

    Args:
        predictor: of which the network's best detection on each forgery counts, where it hits.
        dataset: registered name or path; images of one technique count.

    Returns:
        Margins in [0, 1], the share of the likeliest technique in all, and whether it is the true one.
    """
    margins, correct = [], []
    for item in progress([item for item in dataset_dicts(dataset) if item["technique"] in TECHNIQUES]):
        truth = read_mask(item["mask_file_name"])
        for detection in predictor(item["file_name"]).detections:
            region = detection.mask
            if detection.found_by == "network" and region is not None and region.any() and truth[region].mean() >= HIT:
                best = max(detection.technique_scores, key=detection.technique_scores.get)
                margins.append(detection.technique_scores[best] / sum(detection.technique_scores.values()))
                correct.append(best == item["technique"])
                break
    return margins, correct
