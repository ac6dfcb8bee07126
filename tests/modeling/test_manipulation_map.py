import pytest
import torch
from torch.nn import functional as F

from constrained_rcnn.modeling import manipulation_map
from constrained_rcnn.modeling.manipulation_map import fuse_maps, image_score, merge_instances, resize_map
from constrained_rcnn.modeling.mask_targets import crop_mask_to_boxes


def test_mask_lands_on_its_box():
    mask = torch.ones(1, 14, 14)
    merged = merge_instances(torch.tensor([[10.0, 20, 40, 30]]), mask, torch.tensor([0.7]), 50, 60)
    expected = torch.zeros(50, 60)
    expected[20:30, 10:40] = 0.7
    assert torch.allclose(merged, expected)
    assert abs(image_score(merged) - 0.7) < 1e-6


def test_equals_bilinear_resizing_for_whole_pixel_boxes():
    mask = torch.rand(1, 7, 7)
    merged = merge_instances(torch.tensor([[5.0, 3, 33, 24]]), mask, None, 40, 40)
    resized = F.interpolate(mask[None], size=(21, 28), mode="bilinear", align_corners=False)[0, 0]
    assert torch.allclose(merged[3:24, 5:33], resized, atol=1e-6)


def test_maximum_over_overlapping_boxes_and_order_does_not_matter():
    boxes = torch.tensor([[0.0, 0, 20, 20], [10, 10, 30, 30]])
    masks, scores = torch.rand(2, 14, 14), torch.tensor([0.9, 0.4])
    merged = merge_instances(boxes, masks, scores, 32, 32)
    single_maps = [merge_instances(boxes[i : i + 1], masks[i : i + 1], scores[i : i + 1], 32, 32) for i in (0, 1)]
    assert torch.equal(merged, torch.maximum(*single_maps))
    assert torch.equal(merged, merge_instances(boxes.flip(0), masks.flip(0), scores.flip(0), 32, 32))


def test_boxes_without_masks_are_filled_with_their_score():
    merged = merge_instances(torch.tensor([[2.0, 2, 4, 6]]), None, torch.tensor([0.3]), 8, 8)
    assert torch.isclose(merged.sum(), torch.tensor(0.3 * 8))


def test_nothing_detected_gives_an_empty_map():
    merged = merge_instances(torch.zeros(0, 4), torch.zeros(0, 14, 14), torch.zeros(0), 5, 7)
    assert merged.shape == (5, 7) and merged.sum() == 0 and image_score(merged) == 0.0


def test_boxes_over_the_border_and_thinner_than_a_pixel():
    boxes = torch.tensor([[-10.0, -10, 5, 5], [3.1, 3.1, 3.3, 3.3], [58, 58, 80, 80]])
    merged = merge_instances(boxes, torch.ones(3, 14, 14), None, 60, 60)
    assert merged[:5, :5].min() == 1 and merged[58:, 58:].min() == 1
    assert merged.sum() == 25 + 4


def test_target_and_paste_are_each_others_inverse():
    # A mask drawn at cell borders of the box survives crop and paste, but for its two rounded inner corners.
    truth = torch.zeros(64, 64, dtype=torch.bool)
    truth[16:48, 8:40] = True
    box = torch.tensor([[8.0, 8, 64, 64]])
    cropped = crop_mask_to_boxes(truth, box, 14)
    assert cropped.shape == (1, 14, 14)
    pasted = merge_instances(box, cropped, None, 64, 64) > 0.5
    assert (pasted != truth).nonzero().tolist() == [[16, 39], [47, 39]]


def test_target_counts_a_cell_by_half_its_area():
    truth = torch.zeros(8, 8, dtype=torch.bool)
    truth[:, :3] = True
    assert crop_mask_to_boxes(truth, torch.tensor([[0.0, 0, 8, 8]]), 2).tolist() == [[[1, 0], [1, 0]]]
    truth[:, 2] = False
    truth[4:, 1] = False
    assert crop_mask_to_boxes(truth, torch.tensor([[0.0, 0, 8, 8]]), 2).tolist() == [[[1, 0], [0, 0]]]


def test_large_masks_are_pasted_in_strips_without_a_trace(monkeypatch):
    boxes, masks = torch.tensor([[1.5, 2.25, 40.0, 98.75], [5.0, 30.0, 33.0, 51.0]]), torch.rand(2, 14, 14)
    expected = merge_instances(boxes, masks, None, 100, 50)
    monkeypatch.setattr(manipulation_map, "_ROWS", 7)
    assert torch.allclose(merge_instances(boxes, masks, None, 100, 50), expected, atol=1e-6)


@pytest.mark.parametrize(
    "method, expected", [("max", [0.5, 0.75]), ("mean", [0.375, 0.5]), ("dense", [0.5, 0.25]), ("boxes", [0.25, 0.75])]
)
def test_two_maps_become_one(method, expected):
    boxes, dense = torch.tensor([[0.25, 0.75]]), torch.tensor([[0.5, 0.25]])
    assert fuse_maps(boxes.clone(), dense, method)[0].tolist() == expected
    assert torch.allclose(fuse_maps(boxes, dense, method, 0.5), torch.tensor([expected]) ** 0.5)
    assert dense.tolist() == [[0.5, 0.25]]  # of a tile: it is needed again


def test_resizing_a_map():
    manipulation_map = torch.rand(13, 17, generator=torch.Generator().manual_seed(0))
    assert resize_map(manipulation_map, (13, 17)) is manipulation_map
    larger = resize_map(manipulation_map, (26, 51))
    assert larger.shape == (26, 51) and larger.dtype == torch.float32
    assert abs(larger.mean() - manipulation_map.mean()) < 0.02 and larger.max() <= manipulation_map.max()
    corners = torch.stack([larger[0, 0], larger[-1, -1]])  # pixel centres beyond the outermost cells'
    assert torch.allclose(corners, torch.stack([manipulation_map[0, 0], manipulation_map[-1, -1]]))
