"""The weights that come with the package: they load, say what they are, and find forgeries of photos never seen."""

import numpy as np
import pytest

from constrained_rcnn import model_zoo
from constrained_rcnn.config import load_config
from constrained_rcnn.evaluation.baselines import BASELINES
from constrained_rcnn.evaluation.metrics.pixel import score_map_metrics
from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.modeling.checkpoint import read_checkpoint
from constrained_rcnn.synthesis import demo_photos
from constrained_rcnn.synthesis.generate import synthesize


@pytest.fixture(scope="module")
def predictor():
    return ManipulationPredictor()


@pytest.fixture(scope="module")
def forgeries():
    """Forgeries of the demo's test photos, which are in no training set of ours."""
    photos = [pixels for _, pixels in demo_photos.load("test")]
    samples = []
    for seed in range(24):
        order = np.random.default_rng(seed).permutation(len(photos))[:2]
        rng = np.random.default_rng([5, seed])
        samples.append(synthesize([photos[i] for i in order], rng, "careful", size=(256, 320)))
    return samples


def test_they_say_what_they_are(predictor):
    _, (_, path) = model_zoo.default_options()
    metadata = read_checkpoint(path)["metadata"]
    assert {"licence", "training_data", "operating_points", "classes"} <= metadata.keys()
    assert "BSDS500" in metadata["training_data"] and "CASIA" in metadata["training_data"]
    points = predictor.model.operating_points
    assert predictor.threshold == 0.5 and metadata["operating_points"]["rate"] == 0.01
    assert 0 < points.copy_move_rate < 0.02 and len(points.logits) >= 4
    assert predictor.classes == ("splice", "copy-move", "removal")


def test_a_wall_is_not_called_manipulated_whatever_its_size(predictor):
    rng, scores = np.random.default_rng(0), []
    for height, width in ((192, 256), (768, 1024), (1536, 2048)):
        light = 150 + 20 * np.linspace(0, 1, width)[None, :, None] - 15 * np.linspace(0, 1, height)[:, None, None] ** 2
        wall = np.clip(light + rng.normal(0, 4, (height, width, 3)), 0, 255).astype(np.uint8)
        scores.append(predictor(wall).score)
    assert max(scores) < 0.5, scores


def test_they_find_more_than_maps_that_know_nothing(predictor, forgeries):
    names = ("all_ones", "centre_prior")
    scores = {name: [] for name in ("model", *names)}
    for forgery in forgeries:
        image = np.ascontiguousarray(forgery.image[:, :, ::-1])
        maps = {"model": predictor(image).manipulation_map, **{name: BASELINES[name](image) for name in names}}
        for name, manipulation_map in maps.items():
            scores[name].append(score_map_metrics(manipulation_map, forgery.mask)["f1_best"])
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    assert means["model"] > 1.2 * max(means[name] for name in names), means


def test_a_forgery_on_a_tile_border_scores_as_one_inside(forgeries):
    config, options = model_zoo.default_options()
    options += ["TEST.REPEATS", "False"]  # the network alone: what is mirrored in the frame occurs twice
    tiled = ["TEST.TILES.MAX_PIXELS", "1", "TEST.TILES.SIZE", "256", "TEST.TILES.OVERLAP", "128"]
    predictor = ManipulationPredictor(load_config(config, [*options, *tiled]))
    # The clearest forgery, in the middle of a wide plain frame, which moves over the tiles.
    untiled = ManipulationPredictor(load_config(config, options))
    clear = max(forgeries, key=lambda forgery: untiled(np.ascontiguousarray(forgery.image[:, :, ::-1])).score)
    inside = np.pad(clear.mask, 160)
    image = np.pad(clear.image[:, :, ::-1], ((160, 160), (160, 160), (0, 0)), mode="reflect")
    scores = []
    for shift in range(0, 128, 32):
        manipulation_map = predictor(np.ascontiguousarray(image[shift:, shift:])).manipulation_map
        scores.append(float(manipulation_map[inside[shift:, shift:]].mean()))
    assert min(scores) > 0.8 * max(scores), scores
