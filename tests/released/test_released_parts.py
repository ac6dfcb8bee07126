import cv2
import numpy as np
import pytest
import torch
from detectron2.structures import Boxes
from torch.nn import functional as F
from torchvision.ops import roi_align

from constrained_rcnn.released.boxes import ReleasedBoxTransform, clip, clip_outward, nms
from constrained_rcnn.released.crop import CropAndResize
from constrained_rcnn.released.meta_arch import merge_on_whole_pixels
from constrained_rcnn.released.preprocessing import prepare, resize, resize_scale
from constrained_rcnn.released.resnet import make_released_stage
from constrained_rcnn.released.roi_heads import BatchStatisticsNorm
from constrained_rcnn.released.rpn import ReleasedAnchorGenerator, ReleasedCBAM
from tests.helpers.released_files import released_cfg


def test_first_anchors_are_those_of_the_released_code():
    generator = ReleasedAnchorGenerator(
        sizes=[[128, 256, 512, 1024]], aspect_ratios=[[0.5, 1.0, 2.0]], strides=[16], offset=0.0
    )
    (boxes,) = generator([torch.zeros(1, 1, 2, 3)])
    anchors = boxes.tensor.reshape(2, 3, 12, 4)
    # Sizes outside, ratios inside: number 3 is the first ratio at the second size.
    assert anchors[0, 0, 0].tolist() == [-84, -40, 99, 55]
    assert anchors[0, 0, 3].tolist() == [-176, -88, 191, 103]
    assert torch.equal(anchors[1, 2] - anchors[0, 0], torch.tensor([32.0, 16, 32, 16]).expand(12, 4))


def test_boxes_are_one_pixel_wider_than_their_corners_say():
    transform = ReleasedBoxTransform((1.0, 1.0, 1.0, 1.0))
    box = torch.tensor([[10.0, 20, 19, 39]])  # 10 wide, 20 high
    moved = transform.apply_deltas(torch.tensor([[0.5, 0.0, 0.0, np.log(2.0)]]), box)
    # Centre (15, 30) moves by 5; height doubles; no - 1 on the last corner.
    assert moved[0].tolist() == pytest.approx([15, 10, 25, 50])
    deltas = transform.get_deltas(box, torch.tensor([[10.0, 20, 29, 39]]))
    assert deltas[0].tolist() == pytest.approx([0.5, 0, np.log(2), 0], abs=1e-6)


def test_growth_is_not_limited():
    boxes = ReleasedBoxTransform((1.0, 1.0, 1.0, 1.0)).apply_deltas(
        torch.tensor([[0.0, 0, 10, 1000]]), torch.tensor([[0.0, 0, 0, 0]])
    )
    assert boxes[0, 2] == pytest.approx(0.5 + np.exp(10) / 2, rel=1e-5) and boxes[0, 3] == float("inf")
    assert clip(boxes, 30, 40)[0].tolist() == [0, 0, 39, 29]


def test_clipping_of_the_second_stage_is_one_sided():
    boxes = torch.tensor([[-5.0, -5, 50, 60], [45, 3, 60, 9], [3, 3, -7, 9]])
    assert clip_outward(boxes, 30, 40).tolist() == [[0, 0, 39, 29], [45, 3, 39, 9], [3, 3, -7, 9]]


def test_suppression_counts_the_last_row_and_column():
    boxes = torch.tensor([[0.0, 0, 9, 9], [0, 0, 9, 6], [0, 4, 9, 9]])  # IoU 0.7 and 0.6 with the first, with + 1
    scores, classes = torch.tensor([0.9, 0.8, 0.7]), torch.zeros(3, dtype=torch.int64)
    assert nms(boxes, scores, classes, 0.65).tolist() == [0, 2]
    assert nms(boxes, scores, classes, 0.71).tolist() == [0, 1, 2]
    assert nms(boxes, scores, torch.arange(3), 0.1).tolist() == [0, 1, 2]


def test_crops_inside_the_map_are_roi_align_with_one_sample():
    feature = torch.randn(2, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    boxes = [torch.tensor([[16.0, 32, 200, 180], [0, 0, 160, 160]]), torch.tensor([[100.0, 100, 300, 250]])]
    crops = CropAndResize(7, 16)([feature], [Boxes(b) for b in boxes])
    assert torch.allclose(crops, roi_align(feature, boxes, 7, 1 / 16, 1, aligned=False), atol=1e-4)


def test_crops_at_the_border_small_and_inverted():
    """On the map f(x, y) = 1 + x + 100 y a bilinear sample is its own position."""
    y, x = torch.meshgrid(torch.arange(10.0), torch.arange(12.0), indexing="ij")
    feature = (1 + x + 100 * y)[None, None]
    boxes = torch.tensor([[160.0, 16, 190, 64], [32, 32, 36, 36], [64, 64, 32, 32]])
    crops = CropAndResize(4, 16)([feature], [Boxes(boxes)])[:, 0]
    steps = (torch.arange(4) + 0.5) / 4
    for box, crop in zip(boxes / 16, crops):
        px, py = box[0] + (box[2] - box[0]) * steps, box[1] + (box[3] - box[1]) * steps
        expected = (1 + px[None] + 100 * py[:, None]) * (px <= 11)[None]
        assert torch.allclose(crop, expected, atol=1e-3)
    assert (crops[0] == 0).any() and (crops[0] != 0).any()
    assert CropAndResize(4, 16)([feature], [Boxes(torch.zeros(0, 4))]).shape == (0, 1, 4, 4)


def test_strides_lie_in_the_last_unit():
    cfg = released_cfg(50, "")
    with torch.device("meta"):
        strides = {s: [unit.conv2.stride[0] for unit in make_released_stage(cfg, s)] for s in (2, 3, 4, 5)}
    assert strides == {2: [1, 1, 2], 3: [1, 1, 1, 2], 4: [1] * 6, 5: [1] * 3}
    cfg.MODEL.RESNETS.STEM_OUT_CHANNELS = cfg.MODEL.RESNETS.RES2_OUT_CHANNELS = 8
    cfg.MODEL.RESNETS.WIDTH_PER_GROUP = 4
    assert make_released_stage(cfg, 2)(torch.rand(1, 8, 17, 30)).shape == (1, 8, 9, 15)


def test_cbam_takes_the_spatial_gate_from_its_input():
    torch.manual_seed(0)
    cbam, x = ReleasedCBAM(6, 3), torch.rand(1, 6, 5, 5)
    for layer in cbam.mlp[0], cbam.mlp[2]:
        torch.nn.init.constant_(layer.weight, -1)  # a ReLU at the end: the channel gate is sigmoid(0) = 0.5
    out = cbam(x)
    gate = torch.sigmoid(cbam.spatial(torch.stack([x.mean(1), x.amax(1)], dim=1)))
    hidden = torch.relu(cbam.mlp(x.mean((2, 3)))) + torch.relu(cbam.mlp(x.amax((2, 3))))
    assert torch.allclose(out, x * torch.sigmoid(hidden)[:, :, None, None] * gate)


def test_masks_are_normalised_by_the_boxes_at_hand():
    norm = BatchStatisticsNorm(4).eval()
    torch.nn.init.constant_(norm.bias, 2)
    out = norm(torch.randn(3, 4, 5, 5) * 7 + 3)
    assert torch.allclose(out.mean(dim=(0, 2, 3)), torch.full((4,), 2.0), atol=1e-5)
    assert torch.allclose(out.var(dim=(0, 2, 3), unbiased=False), torch.ones(4), atol=1e-3)


@pytest.mark.parametrize(
    "height, width, scale",
    [
        (256, 384, 600 / 256),
        (384, 256, 600 / 256),
        (600, 900, 1),
        (300, 600, 1000 / 600),
        (1200, 3000, 1 / 3),
        (600, 1001, 1000 / 1001),
    ],
)
def test_one_factor_for_short_and_long_side(height, width, scale):
    assert resize_scale(height, width) == scale


def test_the_resize_is_bilinear_on_floats_after_the_mean():
    image = torch.randint(0, 256, (3, 40, 50), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    mean = torch.tensor([102.9801, 115.9465, 122.7717])[:, None, None]
    batch = prepare([image], mean, torch.ones(3, 1, 1))
    expected = F.interpolate((image - mean)[None], size=(600, 750), mode="bilinear", align_corners=False)
    assert torch.allclose(batch.tensor, expected, atol=2e-2)
    assert batch.image_sizes == [(600, 750)] and batch.original_sizes == [(40, 50)] and batch.scales.tolist() == [15]
    # The size is rounded: 0.15 of 61 columns are 9; the positions stay at 1 / 0.15.
    assert resize(torch.rand(3, 40, 61), 0.15).shape == (3, 6, 9)


def test_merging_cuts_corners_down_and_leaves_out_the_last():
    masks = torch.tensor([[[1.0]], [[0.5]], [[1.0]], [[1.0]]])
    boxes = torch.tensor([[1.9, 2.9, 4.9, 5.1], [0, 0, 4, 4], [6.2, 6.2, 6.9, 9], [9, 9, 3, 3]])
    merged = merge_on_whole_pixels(boxes, masks, 8, 10)
    expected = torch.zeros(8, 10)
    expected[:4, :4] = 0.5
    expected[2:5, 1:4] = 1
    assert torch.equal(merged, expected)
    covering = torch.tensor([[-3.0, -3, 99, 99], [float("inf"), 0, 3, 3]])
    assert torch.equal(merge_on_whole_pixels(covering, masks[:2], 8, 10), torch.ones(8, 10))


def test_merging_interpolates_as_opencv():
    mask = torch.rand(14, 14, generator=torch.Generator().manual_seed(0))
    for width, height in ((100, 33), (9, 60)):
        merged = merge_on_whole_pixels(torch.tensor([[0.0, 0, width, height]]), mask[None], height, width)
        expected = cv2.resize(mask.numpy(), (width, height), interpolation=cv2.INTER_LINEAR)
        assert np.abs(merged.numpy() - expected).max() < 1e-5
