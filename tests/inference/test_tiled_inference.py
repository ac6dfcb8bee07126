"""A region on a tile's border counts as one inside, dense maps have no seams, and results are mapped back exactly."""

from types import SimpleNamespace

import pytest
import torch

from constrained_rcnn.inference.augmentations import Augmentation
from constrained_rcnn.inference.tiled_inference import predict
from tests.helpers.stand_ins import BrightSquares, DenseStandIn, noise, square

TILES = SimpleNamespace(MAX_PIXELS=1, SIZE=256, OVERLAP=128)


@pytest.mark.parametrize(
    "x, y", [(40, 60), (100, 30), (190, 60), (206, 206), (333, 147), (480, 310), (555, 420), (700, 500)]
)
def test_a_forgery_on_a_tile_border_scores_as_one_inside(x, y):
    prediction = predict(BrightSquares(), square(x, y), Augmentation(0, 0), TILES)
    assert prediction.tiles > 4
    manipulation_map = prediction.manipulation_map.numpy()
    inside = manipulation_map[y : y + 100, x : x + 100]
    assert inside.min() == inside.max() == pytest.approx(0.9)
    manipulation_map[y : y + 100, x : x + 100] = 0
    # False alarms along tile borders are gone; those along the image's own stay.
    assert manipulation_map[:, 12:-12].max() == 0 and manipulation_map[:, :12].max() == pytest.approx(0.6)
    boxes = prediction.instances.pred_boxes.tensor[prediction.instances.scores > 0.8]
    assert len(boxes) >= 1 and (boxes == torch.tensor([x, y, x + 100.0, y + 100.0])).all()


@pytest.mark.parametrize(
    "augmentation, limit",
    [
        (Augmentation(0, 0), 0),
        (Augmentation(0, 0, True), 0),
        (Augmentation(0, 0, True), 1),
        (Augmentation(350, 2000, True), 1),
    ],
)
def test_results_are_mapped_back(augmentation, limit):
    tiles = SimpleNamespace(MAX_PIXELS=limit, SIZE=256, OVERLAP=128)
    prediction = predict(BrightSquares(), square(120, 340), augmentation, tiles)
    box = prediction.instances.pred_boxes.tensor[prediction.instances.scores.argmax()]
    assert torch.allclose(box, torch.tensor([120.0, 340, 220, 440]), atol=2)
    assert prediction.manipulation_map.shape == (700, 900)
    inside = prediction.manipulation_map[345:435, 125:215]
    assert inside.min() == pytest.approx(0.9) and prediction.manipulation_map[345:435, 240:800].max() == 0


@pytest.mark.parametrize(
    "shape, fusion",
    [((256, 256), "max"), ((411, 577), "max"), ((300, 401), "mean"), ((300, 401), "dense"), ((300, 401), "boxes")],
)
def test_a_dense_map_in_tiles_has_no_seams(shape, fusion):
    """Against the map of the whole image at once; there are no boxes, so their map is 0."""
    pixels, model = noise(*shape), DenseStandIn()
    model.fusion = fusion
    untiled = predict(model, pixels, Augmentation(0, 0), SimpleNamespace(MAX_PIXELS=0, SIZE=256, OVERLAP=128))
    tiled = predict(model, pixels, Augmentation(0, 0), TILES)
    assert untiled.tiles == 1 and (tiled.tiles >= 6 or shape == (256, 256))
    difference = (tiled.manipulation_map - untiled.manipulation_map).abs()
    assert tiled.manipulation_map.shape == shape and difference.max() < 1e-5
    assert (untiled.manipulation_map.max() > 0.4) == (fusion != "boxes")


def test_an_images_decision_is_that_of_its_highest_tile():
    pixels = noise(256, 700) // 4
    pixels[:, 500:] += 150
    tiled = predict(DenseStandIn(), pixels, Augmentation(0, 0), TILES)
    last = torch.from_numpy(pixels[:, -256:].copy()).permute(2, 0, 1)
    assert tiled.tiles == 5 and tiled.decision == pytest.approx(DenseStandIn()._detect({"image": last})["decision"])
    without = predict(BrightSquares(), pixels, Augmentation(0, 0), TILES)
    assert without.decision is None


def test_a_mirrored_and_a_reduced_dense_map_are_mapped_back():
    pixels, model = noise(400, 600), DenseStandIn()
    plain = predict(model, pixels, Augmentation(0, 0), TILES)
    mirrored = predict(model, pixels, Augmentation(0, 0, True), TILES)
    assert torch.allclose(plain.manipulation_map, mirrored.manipulation_map, atol=1e-5)
    pixels[100:300, 100:300] //= 4
    reduced = predict(model, pixels, Augmentation(0, 0, False, 100_000), TILES)
    reduced_map = reduced.manipulation_map
    assert reduced_map.shape == (400, 600)
    assert reduced_map[150:250, 150:250].mean() < 0.7 * reduced_map[150:250, 400:500].mean()
