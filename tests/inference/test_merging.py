"""Detections of several augmentations become one per region; copy-moves stand beside them."""

import numpy as np
import pytest
import torch
from detectron2.structures import Boxes, Instances

from constrained_rcnn.data.techniques import TAMPERED, TECHNIQUES, UNCERTAIN
from constrained_rcnn.inference.merging import merge_detections
from constrained_rcnn.inference.regions import group_by_region
from constrained_rcnn.inference.result import ManipulationResult, detections_of
from constrained_rcnn.matching.copy_move import find_repeats
from constrained_rcnn.matching.suspects import COPY, CopyMove
from tests.helpers.copied import forged, photo

SIZE = (400, 600)


def instances(boxes, techniques):
    """Of one augmentation: (x1, y1, x2, y2) and probabilities of the three techniques of each region."""
    result = Instances(SIZE, pred_boxes=Boxes(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)))
    result.technique_scores = torch.tensor(techniques, dtype=torch.float32).reshape(-1, 3)
    result.scores, result.pred_classes = result.technique_scores.max(1)
    result.manipulation_scores = result.technique_scores.sum(1)
    result.soft_masks = torch.full((len(boxes), 8, 8), 0.9)
    return result


def merged(*predicted, copy_moves=(), classes=TECHNIQUES, highest=1.0, margin=0.0):
    return merge_detections(predicted, copy_moves, classes=classes, highest=highest, technique_margin=margin)


def test_a_region_counts_in_every_augmentation_that_sees_it():
    first = instances([[10, 10, 60, 60], [300, 300, 380, 390]], [[0.5, 0.1, 0.2], [0.1, 0.1, 0.4]])
    second = instances([[12, 10, 60, 60], [10, 10, 61, 60]], [[0.2, 0.6, 0.1], [0.1, 0.2, 0.1]])
    result = merged(first, second)
    assert result.pred_boxes.tensor.tolist() == [[12, 10, 60, 60], [300, 300, 380, 390]]
    assert result.scores.tolist() == pytest.approx([(0.8 + 0.9) / 2, 0.6 / 2], abs=1e-6)
    assert result.technique_scores.tolist()[0] == pytest.approx([0.5, 0.6, 0.2])
    assert result.pred_classes.tolist() == [1, 2]
    assert len(result.pred_masks) == 2 and not result.from_copy_move.any()


def test_no_region_is_surer_than_its_image_and_unsure_techniques_are_not_named():
    regions = instances([[10, 10, 60, 60], [300, 300, 380, 390]], [[0.3, 0.1, 0.2], [0.5, 0.0, 0.1]])
    result = merged(regions, highest=0.55, margin=0.6)
    assert result.scores.tolist() == [0.55, 0.55] and result.scores.dtype == torch.float64
    first, second = detections_of(result, TECHNIQUES)
    assert {first.score, second.score} == {0.55}
    assert {d.technique: max(d.technique_scores) for d in (first, second)} == {UNCERTAIN: "splice", "splice": "splice"}
    assert result.pred_classes.tolist() == [0, 0]


def test_an_image_without_detections():
    result = merged(instances([], []), instances([], []))
    assert len(result) == len(result.pred_masks) == 0 and result.technique_scores.shape == (0, 3)
    assert detections_of(result, TECHNIQUES) == ()


@pytest.mark.parametrize("classes, label", [(TECHNIQUES, 1), ((TAMPERED,), 0)])
def test_a_copy_move_is_a_detection(classes, label):
    image, _ = forged(photo())
    (pair,) = find_repeats(image)
    empty = Instances(SIZE, pred_boxes=Boxes(torch.zeros(0, 4)), scores=torch.zeros(0))
    empty.pred_classes = torch.zeros(0, dtype=torch.int64)
    merged_instances = merged(empty, copy_moves=(CopyMove(pair, (0.1, 0.9)),), classes=classes, margin=2.0)
    assert merged_instances.pred_classes.tolist() == [label]
    (detection,) = detections_of(merged_instances, classes)
    assert (detection.technique, detection.score, detection.found_by) == ("copy-move", COPY, "repeats")
    assert detection.technique_scores == {"copy-move": COPY} and detection.box == pair.second_box
    assert (detection.mask & pair.second).sum() / (detection.mask | pair.second).sum() > 0.9
    result = ManipulationResult(True, COPY, 0.5, (detection,), np.zeros(SIZE, np.float32), image)
    assert result.techniques == ("copy-move",) and result.to_json()["detections"][0]["found_by"] == "repeats"


def test_boxes_of_one_region_become_one_detection():
    boxes = np.array([[0.0, 0, 10, 10], [50, 50, 70, 70], [0, 0, 10, 11], [0, 0, 30, 30]])
    assert group_by_region(boxes, np.array([0.5, 0.9, 0.6, 0.1])) == [[1], [2, 0], [3]]
    assert group_by_region(np.zeros((0, 4)), np.zeros(0)) == []
    assert group_by_region(np.zeros((2, 4)), np.array([0.5, 0.9])) == [[1], [0]]  # empty boxes overlap nothing
