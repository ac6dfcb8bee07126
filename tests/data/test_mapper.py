import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from constrained_rcnn.data.augmentation import BlockCrop, Reduced, SavedAgain, degrade_boxes, numpy_seed
from constrained_rcnn.data.catalog import dataset_dicts
from constrained_rcnn.data.mapper import ManipulationDatasetMapper
from constrained_rcnn.images.reading import read_image
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import tiny_cfg
from tests.helpers.tiny_data import write_set


@pytest.fixture(scope="module")
def dicts(tmp_path_factory):
    return dataset_dicts(write_set(tmp_path_factory.mktemp("mapper"), "train", 6))


def mapper(*options, is_train=True):
    return ManipulationDatasetMapper(tiny_cfg(*options), is_train)


def test_pixels_are_untouched_without_augmentation(dicts):
    out = mapper("INPUT.RANDOM_FLIP", "none")(dicts[1])
    assert np.array_equal(out["image"].permute(1, 2, 0).numpy(), read_image(dicts[1]["file_name"], "BGR"))
    assert out["image"].dtype == torch.uint8


def test_instances_and_complete_mask_agree_with_the_files(dicts):
    out = mapper("INPUT.RANDOM_FLIP", "none")(dicts[1])
    mask = np.array(Image.open(dicts[1]["mask_file_name"])) > 127
    instances = out["instances"]
    assert torch.equal(instances.gt_complete_mask.tensor[0], torch.from_numpy(mask))
    assert torch.equal(instances.gt_masks.tensor.any(dim=0), torch.from_numpy(mask))
    y, x = np.nonzero(mask)
    assert instances.gt_boxes.tensor[0].tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]
    assert instances.gt_classes.tolist() == [1]


def test_complete_mask_takes_no_memory_per_instance(dicts):
    complete = mapper()(dicts[1])["instances"].gt_complete_mask.tensor
    assert complete.stride(0) in (0, complete.shape[1] * complete.shape[2]) and complete.shape[0] >= 1


def test_authentic_images_reach_the_model(dicts):
    assert dicts[0]["authentic"]
    out = mapper()(dicts[0])
    assert len(out["instances"]) == 0 and out["instances"].gt_complete_mask.tensor.shape[0] == 0


def test_a_draw_decides_everything(dicts):
    train = mapper("INPUT.CROP.ENABLED", "True", "INPUT.FORGED_NOISE_VARIANCE", "5.0")
    state = np.random.get_state()[1].copy()
    first = [train({**dicts[1], "draw": draw}) for draw in range(12)]
    assert np.array_equal(np.random.get_state()[1], state)
    np.random.seed(99)
    second = [train({**dicts[1], "draw": draw}) for draw in range(12)]
    for sample, sample_again in zip(first, second):
        assert torch.equal(sample["image"], sample_again["image"])
        assert torch.equal(sample["instances"].gt_boxes.tensor, sample_again["instances"].gt_boxes.tensor)
    assert any(not torch.equal(first[0]["image"], sample_again["image"]) for sample_again in first[1:])


def test_flip_moves_image_boxes_and_masks_together(dicts):
    plain = mapper("INPUT.RANDOM_FLIP", "none")(dicts[1])
    train, outcomes = mapper(), set()
    for draw in range(12):
        out = train({**dicts[1], "draw": draw})
        flipped = not torch.equal(out["image"], plain["image"])
        outcomes.add(flipped)
        turn = (lambda x: x.flip(-1)) if flipped else (lambda x: x)
        assert torch.equal(out["image"], turn(plain["image"]))
        for field in ("gt_masks", "gt_complete_mask"):
            assert torch.equal(out["instances"].get(field).tensor, turn(plain["instances"].get(field).tensor))
    assert outcomes == {True, False}


def test_crop_shrinks_boxes_with_their_regions(dicts):
    train = mapper("INPUT.CROP.ENABLED", "True", "INPUT.CROP.SIZE", "[0.5, 0.5]")
    cut = 0
    for draw in range(20):
        out = train({**dicts[1], "draw": draw})["instances"]
        for box, mask in zip(out.gt_boxes.tensor.int().tolist(), out.gt_masks.tensor):
            y, x = torch.nonzero(mask, as_tuple=True)
            assert box == [x.min(), y.min(), x.max() + 1, y.max() + 1]
        cut += len(out) == 0
    assert cut < 20


def test_the_complete_mask_is_there_for_the_dense_path_too(dicts):
    """Also where no instance is: of an authentic image, and where a crop leaves nothing of a region."""
    train = mapper("INPUT.CROP.ENABLED", "True", "INPUT.CROP.SIZE", "[0.2, 0.2]", "INPUT.UPSIDE_DOWN", "0.5")
    empty = 0
    for draw in range(20):
        out = train({**dicts[1], "draw": draw})
        mask = out["sem_seg"]
        assert mask.shape == out["image"].shape[1:] and mask.dtype == torch.uint8 and mask.max() <= 1
        instances = out["instances"]
        if len(instances):
            assert torch.equal(mask.bool(), instances.gt_complete_mask.tensor[0])
        else:
            empty += 1
    assert 0 < empty < 20
    authentic = train(dicts[0])
    assert authentic["sem_seg"].shape == authentic["image"].shape[1:] and authentic["sem_seg"].sum() == 0
    assert "sem_seg" not in mapper("MODEL.MASK_ON", "False")(dicts[1])
    assert "sem_seg" not in mapper(is_train=False)(dicts[1])


def test_turned_upside_down_together(dicts):
    plain = mapper("INPUT.RANDOM_FLIP", "none")(dicts[1])
    train, outcomes = mapper("INPUT.RANDOM_FLIP", "none", "INPUT.UPSIDE_DOWN", "0.5"), set()
    for draw in range(12):
        out = train({**dicts[1], "draw": draw})
        turned = not torch.equal(out["image"], plain["image"])
        outcomes.add(turned)
        turn = (lambda x: x.flip(-2)) if turned else (lambda x: x)
        assert torch.equal(out["image"], turn(plain["image"]))
        assert torch.equal(out["sem_seg"], turn(plain["sem_seg"]))
        assert torch.equal(out["instances"].gt_masks.tensor, turn(plain["instances"].gt_masks.tensor))
        y = torch.nonzero(out["instances"].gt_masks.tensor[0])[:, 0]
        assert out["instances"].gt_boxes.tensor[0, [1, 3]].tolist() == [y.min(), y.max() + 1]
    assert outcomes == {True, False}


def test_reduced_with_all_that_belongs_to_it(dicts):
    """Image, complete mask, masks and boxes by the same ratio, which a draw decides; forged or authentic."""
    options = ["INPUT.RANDOM_FLIP", "none"]
    train = mapper(*options, "INPUT.REDUCED", "0.5", "INPUT.REDUCED_FACTORS", "(0.5,0.7)")
    for item in dicts[:2]:
        plain, ratios = mapper(*options)(item), []
        for draw in range(24):
            out = train({**item, "draw": draw})
            height, width = out["image"].shape[1:]
            ratios.append(width / item["width"])
            assert abs(height - ratios[-1] * item["height"]) <= 1 and out["sem_seg"].shape == (height, width)
            assert abs(out["sem_seg"].float().mean() - plain["sem_seg"].float().mean()) < 0.03  # a pixel of each edge
            x, y = ratios[-1], height / item["height"]
            wanted = plain["instances"].gt_boxes.tensor * torch.tensor([x, y, x, y])
            assert len(wanted) == 0 or (out["instances"].gt_boxes.tensor - wanted).abs().max() <= 1.01
        reduced = [ratio for ratio in ratios if ratio != 1]
        assert 6 <= len(reduced) <= 18 and 0.49 < min(reduced) < 0.58 < 0.62 < max(reduced) < 0.71
    test = mapper(*options, "INPUT.REDUCED", "1.0", is_train=False)(dicts[1])
    assert torch.equal(test["image"], mapper(*options, is_train=False)(dicts[1])["image"])


def test_reduced_to_at_least_a_pixel_by_each_filter():
    image = np.random.default_rng(0).integers(0, 256, (40, 1, 3), dtype=np.uint8)
    filters = set()
    for seed in range(40):
        with numpy_seed(seed):
            transform = Reduced(1.0, (0.2, 0.3)).get_transform(image)
        filters.add(transform.interp)
        assert transform.apply_image(image).shape[1] == 1 and 8 <= transform.new_h <= 12
    assert len(filters) == 4


@pytest.mark.parametrize("order", ["BGR", "RGB"])
def test_whole_images_saved_again(dicts, order):
    """A draw decides which; they differ by what JPEG at such a quality changes, forged or authentic, truth unmoved."""
    options = ["INPUT.RANDOM_FLIP", "none", "INPUT.FORMAT", order]
    train = mapper(*options, "INPUT.SAVED_AGAIN", "0.5", "INPUT.SAVED_AGAIN_QUALITY", "(60,80)")
    for item in dicts[:2]:
        plain = mapper(*options)(item)
        outs = [train({**item, "draw": draw}) for draw in range(24)]
        saved = [out for out in outs if not torch.equal(out["image"], plain["image"])]
        assert 6 <= len(saved) <= 18
        for out in saved:
            change = (out["image"].float() - plain["image"].float()).abs().mean()
            assert out["image"].shape == plain["image"].shape and 0.5 < change < 20
            assert torch.equal(out["sem_seg"], plain["sem_seg"])
        sample = train({**item, "draw": 3})
        assert torch.equal(sample["image"], outs[3]["image"])
    assert not torch.equal(train({**dicts[1], "draw": 3})["image"], train({**dicts[1], "draw": 5})["image"])
    test = mapper(*options, "INPUT.SAVED_AGAIN", "1.0", is_train=False)(dicts[1])
    assert torch.equal(test["image"], mapper(*options, is_train=False)(dicts[1])["image"])


def test_saved_again_draws_qualities_and_chroma_evenly(monkeypatch):
    settings = []
    encode = cv2.imencode

    def spy(name, image, flags):
        settings.append((flags[1], flags[3]))
        return encode(name, image, flags)

    monkeypatch.setattr(cv2, "imencode", spy)
    saved_again, image = SavedAgain(1.0, (70, 73)), np.zeros((16, 16, 3), np.uint8)
    for seed in range(200):
        assert saved_again(image, np.random.default_rng(seed)).shape == (16, 16, 3)
    qualities, samplings = ([pair[i] for pair in settings] for i in (0, 1))
    assert set(qualities) == {70, 71, 72, 73} and min(map(qualities.count, range(70, 74))) > 25
    assert set(samplings) == {cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420}
    assert 70 < samplings.count(cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444) < 130
    assert SavedAgain.from_config(tiny_cfg()) is None
    configured = SavedAgain.from_config(tiny_cfg("INPUT.SAVED_AGAIN", "0.25"))
    assert configured == SavedAgain(0.25, (70, 98))


def test_crops_begin_on_the_grid_of_jpeg_blocks():
    image = np.random.default_rng(0).integers(0, 256, (75, 91, 3), dtype=np.uint8)
    corners = set()
    for seed in range(40):
        with numpy_seed(seed):
            crop = BlockCrop("absolute", (40, 48)).get_transform(image)
        assert crop.x0 % 8 == crop.y0 % 8 == 0 and crop.x0 <= 43 and crop.y0 <= 35
        assert crop.apply_image(image).shape == (40, 48, 3)
        corners.add((crop.y0, crop.x0))
    assert len({y for y, _ in corners}) == 5 and len({x for _, x in corners}) >= 5  # 0 to 32 and 0 to 40


def test_merging_and_stage_one(dicts):
    merged = mapper("DATASETS.MERGE_TECHNIQUES", "True", "MODEL.ROI_HEADS.NUM_CLASSES", "1", "MODEL.MASK_ON", "False")
    out = merged(dicts[1])["instances"]
    assert out.gt_classes.tolist() == [0] and not out.has("gt_masks") and not out.has("gt_complete_mask")


def test_test_mode_adds_no_truth(dicts):
    out = mapper(is_train=False)(dicts[1])
    assert "instances" not in out and "annotations" not in out
    assert out["mask_file_name"] == dicts[1]["mask_file_name"]


def test_wrong_sizes_and_missing_masks_are_one_clear_line(dicts, tmp_path):
    with pytest.raises(UserError, match="its annotations say 81x64"):
        mapper()({**dicts[1], "width": 81})
    Image.new("L", (5, 5)).save(tmp_path / "m.png")
    with pytest.raises(UserError, match="mask is 5x5"):
        mapper()({**dicts[1], "mask_file_name": str(tmp_path / "m.png")})
    with pytest.raises(UserError, match="MASK_ON False"):
        mapper()({**dicts[1], "mask_file_name": None})
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="broken.png"):
        mapper()({**dicts[1], "file_name": str(tmp_path / "broken.png")})


def test_degrading_touches_the_boxes_alone():
    image = np.full((40, 40, 3), 100, np.uint8)
    boxes = np.array([[5.0, 5, 25, 25]])
    noisy = degrade_boxes(image, boxes, np.random.default_rng(0), 5.0, 0)
    inside = noisy[5:25, 5:25].astype(float)
    assert 4 < inside.var() < 6.2
    noisy[5:25, 5:25] = 100
    assert np.array_equal(noisy, image)
    textured = np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    coded = degrade_boxes(textured, boxes, np.random.default_rng(0), 0.0, 70)
    assert (coded[5:25, 5:25] != textured[5:25, 5:25]).any()
    coded[5:25, 5:25] = textured[5:25, 5:25]
    assert np.array_equal(coded, textured)
    assert degrade_boxes(image, boxes[:0], np.random.default_rng(0), 5.0, 70) is image


def test_numpy_seed_restores_the_state():
    np.random.seed(3)
    expected = np.random.rand(2)
    np.random.seed(3)
    first = np.random.rand()
    with numpy_seed(1, 2):
        inner = np.random.rand()
    with numpy_seed(1, 2):
        assert np.random.rand() == inner
    assert [first, np.random.rand()] == expected.tolist()
