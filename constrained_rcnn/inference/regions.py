"""The regions that augmentations and copy-move detection find in an image, merged; without Torch and Detectron2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..data.techniques import COPY_MOVE
from ..matching.suspects import CopyMove

#: Intersection over union above which two boxes mean one region.
SAME_REGION = 0.5
#: Side of the soft mask of a duplicated region.
COPY_MOVE_MASK_SIDE = 112


@dataclass(frozen=True)
class FoundRegions:
    """What the network finds in one augmented image: R regions.

    Attributes:
        boxes: (R, 4) float32, XYXY in the image's pixels.
        scores: (R,) of each region's class, in [0, 1].
        manipulation_scores: (R,) of any manipulation, in [0, 1].
        technique_scores: (R, K) float32, of each class; NaN where it is not known.
        soft_masks: R masks, (M, M) float32 in [0, 1], or None each.
    """

    boxes: np.ndarray
    scores: np.ndarray
    manipulation_scores: np.ndarray
    technique_scores: np.ndarray
    soft_masks: Sequence[np.ndarray | None]


@dataclass(frozen=True)
class Region:
    """One region of an image.

    Attributes:
        score: in [0, 1], how probable it is that the region is manipulated in whatever way.
        box: XYXY, pixels of the image.
        label: class of the likeliest technique, whether it is named or not.
        technique_scores: of each class, NaN where it is not known.
        named: whether the likeliest technique is sure enough to be named.
        from_copy_move: found by keypoint matching and not by the network.
        soft_mask: (M, M) float32 in [0, 1], or None.
    """

    score: float
    box: tuple[float, float, float, float]
    label: int
    technique_scores: list[float]
    named: bool
    from_copy_move: bool
    soft_mask: np.ndarray | None


def merge_regions(
    found: Sequence[FoundRegions],
    copy_moves: Sequence[CopyMove],
    *,
    classes: Sequence[str],
    technique_margin: float = 0.0,
) -> list[Region]:
    """One region per place and finder, best score first.

    Args:
        found: of each augmentation.
        copy_moves: whose suspects become regions, too.
        classes: the model's class names. A copy-move is of the class of that name; of a model that has none, the first.
        technique_margin: least share of the likeliest technique in all by which it is named.
    """
    regions = [*_network_regions(found, technique_margin), *_copy_move_regions(copy_moves, classes)]
    return sorted(regions, key=lambda region: -region.score)


def _network_regions(found: Sequence[FoundRegions], technique_margin: float) -> list[Region]:
    boxes = np.concatenate([one.boxes for one in found])
    scores = np.concatenate([one.scores for one in found])
    manipulated = np.concatenate([one.manipulation_scores for one in found]).tolist()
    augmentation = [number for number, one in enumerate(found) for _ in range(len(one.boxes))]
    techniques = np.concatenate([one.technique_scores for one in found])
    soft_masks = [mask for one in found for mask in one.soft_masks]
    regions = []
    for group in group_by_region(boxes, scores):
        best = group[0]
        # Classes of which the best box says nothing stay unknown.
        unknown, highest = np.isnan(techniques[best]), np.nan_to_num(techniques[group], nan=0.0).max(axis=0)
        merged = np.where(unknown, techniques[best], highest).tolist()
        known_scores = {index: score for index, score in enumerate(merged) if score == score}
        likeliest = max(known_scores, key=lambda index: known_scores[index])
        # An augmentation in which the region is not seen counts as 0, as it does in the map.
        seen_scores: dict[int, float] = {}
        for row in group:
            seen_scores[augmentation[row]] = max(seen_scores.get(augmentation[row], 0.0), manipulated[row])
        regions.append(
            Region(
                score=sum(seen_scores.values()) / len(found),
                box=tuple(boxes[best].tolist()),
                label=likeliest,
                technique_scores=merged,
                named=known_scores[likeliest] >= technique_margin * sum(known_scores.values()),
                from_copy_move=False,
                soft_mask=soft_masks[best],
            )
        )
    return regions


def _copy_move_regions(copy_moves: Sequence[CopyMove], classes: Sequence[str]) -> list[Region]:
    """The suspects of duplicated regions, each once: where there are three, several pairs name the same."""
    regions = []
    label = classes.index(COPY_MOVE) if COPY_MOVE in classes else 0
    for copy_move in copy_moves:
        for name in copy_move.suspects:
            techniques = [float("nan")] * len(classes)
            techniques[label] = copy_move.suspicion
            regions.append(
                Region(
                    score=copy_move.suspicion,
                    box=getattr(copy_move.regions, f"{name}_box"),
                    label=label,
                    technique_scores=techniques,
                    named=True,
                    from_copy_move=True,
                    soft_mask=_small_mask(getattr(copy_move.regions, name)),
                )
            )
    if not regions:
        return []
    boxes = np.array([region.box for region in regions], np.float32)
    scores = np.array([region.score for region in regions], np.float32)
    return [regions[group[0]] for group in group_by_region(boxes, scores)]


def _small_mask(region: np.ndarray) -> np.ndarray:
    """(h, w) bool -> (M, M) float32 of the region's bounding box."""
    rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
    inside = region[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
    return cv2.resize(inside, (COPY_MOVE_MASK_SIDE, COPY_MOVE_MASK_SIDE), interpolation=cv2.INTER_LINEAR)


def group_by_region(boxes: np.ndarray, scores: np.ndarray) -> list[list[int]]:
    """Groups boxes that mean the same region: non-maximum suppression keeps one box per technique.

    Args:
        boxes: (R, 4) float, XYXY.
        scores: (R,) float.

    Returns:
        Lists of rows, best score first; a box joins the first group whose best box it overlaps by more than
        ``SAME_REGION``.
    """
    remaining = np.argsort(-scores, kind="stable")
    groups: list[list[int]] = []
    while len(remaining):  # tiles may bring thousands of boxes: no table of all pairs
        same = _overlaps(boxes[remaining[0]], boxes[remaining]) > SAME_REGION
        same[0] = True  # an empty box does not overlap even itself
        groups.append(remaining[same].tolist())
        remaining = remaining[~same]
    return groups


def _overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of a box (4,) with each of (R, 4); 0 where they do not meet."""
    sides = (np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])).clip(min=0)
    shared = sides[:, 0] * sides[:, 1]
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    joined = (box[2] - box[0]) * (box[3] - box[1]) + areas - shared
    return np.divide(shared, joined, out=np.zeros_like(shared), where=shared > 0)
