"""What evaluation measures is what a user gets: maps, scores and every single detection, in every setting."""

import json
from pathlib import Path

import cv2
import numpy as np
import pycocotools.mask as rle_tools
import pytest
import torch

from constrained_rcnn.data import annotation_format
from constrained_rcnn.data.annotation import annotate
from constrained_rcnn.data.techniques import COPY_MOVE, TAMPERED, TECHNIQUES, UNCERTAIN
from constrained_rcnn.engine.train import evaluate
from constrained_rcnn.images.reading import read_image
from constrained_rcnn.inference.operating_points import KEY, OperatingPoints
from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.inference.test_time_augmentation import ConstrainedRCNNWithTTA
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from constrained_rcnn.utils.errors import UserError
from tests.helpers.copied import forged, photo
from tests.helpers.stand_ins import noise
from tests.helpers.tiny import DENSE, tiny_cfg, tiny_model

TTA = ["TEST.AUG.ENABLED", "True", "TEST.AUG.MIN_SIZES", "(0,200)"]
TILES = ["TEST.TILES.MAX_PIXELS", "100000", "TEST.TILES.SIZE", "320", "TEST.TILES.OVERLAP", "64"]
SETTINGS = {"plain": [], "tta": TTA, "tiles": TILES, "tta and tiles": [*TTA, *TILES]}
ONE_CLASS = ["MODEL.ROI_HEADS.NUM_CLASSES", "1", "DATASETS.MERGE_TECHNIQUES", "True"]
#: They cap the scores of regions, and no technique is ever sure enough to be named.
KINDS = [f"below 0.35 MP, {how}" for how in ("lightly compressed", "JPEG below quality 85")]
POINTS = OperatingPoints.measure({kind: list(np.linspace(0.05, 0.9, 200)) for kind in KINDS}, [False] * 400)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    points = {KEY: {**POINTS.to_metadata(), "technique_margin": 2.0}}
    ManipulationCheckpointer(tiny_model(), str(folder)).save("plain")
    ManipulationCheckpointer(tiny_model(*DENSE), str(folder), metadata=points).save("points")
    ManipulationCheckpointer(tiny_model(*ONE_CLASS), str(folder), metadata={"classes": [TAMPERED]}).save("one_class")
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A photo with a copy in it, a JPEG of little quality, and noise."""
    folder, images, annotations = tmp_path_factory.mktemp("data"), [], []
    image, mask = forged(photo())
    cases = [("copied.jpg", image, mask), ("noise.png", noise(120, 150), None)]
    for number, (name, pixels, truth) in enumerate(cases, 1):
        cv2.imwrite(str(folder / name), pixels, [cv2.IMWRITE_JPEG_QUALITY, 70])
        height, width = pixels.shape[:2]
        mask_file = None
        if truth is not None:
            mask_file = f"{name}_mask.png"
            cv2.imwrite(str(folder / mask_file), truth.astype(np.uint8) * 255)
            for annotation in annotate({COPY_MOVE: truth}):
                annotations.append({**annotation, "id": len(annotations) + 1, "image_id": number})
        technique = "authentic" if truth is None else COPY_MOVE
        images.append({"id": number, "file_name": name, "height": height, "width": width, "authentic": truth is None,
                       "technique": technique, "mask_file": mask_file, "group": str(number)})  # fmt: skip
    (folder / "annotations").mkdir()
    annotation_format.write(folder / "annotations" / "test.json", images, annotations, classes=TECHNIQUES)
    return folder


def evaluated(cfg):
    """Of ``--eval-only``: image id -> instances, name -> COCO's category id, image id -> score."""
    evaluate(cfg)
    folder = Path(cfg.OUTPUT_DIR, "inference", "test")
    instances: dict[int, list] = {1: [], 2: []}
    for instance in json.loads((folder / "coco_instances_results.json").read_text()):
        instances[instance["image_id"]].append(instance)
    truth = json.loads((folder / "coco_ground_truth.json").read_text())
    scores = {record["image_id"]: record["score"] for record in json.loads((folder / "per_image.json").read_text())}
    return instances, {category["name"]: category["id"] for category in truth["categories"]}, scores


@pytest.mark.parametrize(
    "model, options, copy_move",
    [
        *(("plain", options, copy_move) for options in SETTINGS.values() for copy_move in (True, False)),
        ("points", [*DENSE, *TTA], True),
        ("one_class", ONE_CLASS, True),
    ],
    ids=[
        *(
            f"{name}, {'copy-move' if with_copy_move else 'network alone'}"
            for name in SETTINGS
            for with_copy_move in (True, False)
        ),
        "operating points",
        "one class",
    ],
)
def test_average_precision_measures_the_detections_that_a_user_gets(
    weights, dataset, tmp_path, model, options, copy_move
):
    cfg = tiny_cfg(
        *options, "MODEL.WEIGHTS", str(weights / f"{model}.pth"), "TEST.REPEATS", str(copy_move),
        "DATASETS.TEST", f"('{dataset / 'annotations' / 'test.json'}',)", "OUTPUT_DIR", str(tmp_path),
    )  # fmt: skip
    instances, categories, scores = evaluated(cfg)
    predictor, finders = ManipulationPredictor(cfg), set()
    for number, name in enumerate(("copied.jpg", "noise.png"), 1):
        result = predictor(dataset / name)
        assert scores[number] == pytest.approx(result.score, abs=1e-6)
        assert len(instances[number]) == len(result.detections) > 0
        for instance, detection in zip(instances[number], result.detections):
            likeliest = max(detection.technique_scores, key=detection.technique_scores.get)
            expected = likeliest if likeliest in categories else TAMPERED
            assert instance["category_id"] == categories[expected]
            assert instance["score"] == pytest.approx(detection.score, abs=1e-6) and detection.score <= result.score
            x, y, width, height = instance["bbox"]
            assert (x, y, x + width, y + height) == pytest.approx(detection.box, abs=1e-3)
            assert np.array_equal(rle_tools.decode(instance["segmentation"]) > 0, detection.mask)
            assert detection.technique in (likeliest, UNCERTAIN)
            finders.add(detection.found_by)
    assert finders == ({"network", "repeats"} if copy_move else {"network"})


@pytest.mark.parametrize("order", ["BGR", "RGB"])
def test_pixels_are_rgb_whatever_the_model_takes(dataset, order):
    cfg = tiny_cfg("INPUT.FORMAT", order)
    detector = ConstrainedRCNNWithTTA(cfg, tiny_model("INPUT.FORMAT", order).eval())
    image = read_image(dataset / "copied.jpg", "BGR")
    rgb = np.ascontiguousarray(image[:, :, ::-1])
    assert np.array_equal(detector.read(image)["pixels"], rgb)
    with torch.no_grad():
        of_file, of_pixels = detector([{"file_name": dataset / "copied.jpg"}, {"pixels": rgb}])
    assert torch.equal(of_file["manipulation_map"], of_pixels["manipulation_map"])
    assert len(of_file["instances"]) == len(of_pixels["instances"]) > 0


def test_instances_can_be_chosen_from():
    detector = ConstrainedRCNNWithTTA(tiny_cfg(), tiny_model().eval())
    with torch.no_grad():
        (output,) = detector([{"pixels": noise()}])
    instances = output["instances"]
    subset, masks = instances[torch.tensor([2, 0])], list(instances.pred_masks)
    assert len(subset) == len(subset.pred_masks) == 2
    for mask, row in zip(subset.pred_masks, (2, 0)):
        assert mask.shape == (300, 330) and mask.dtype == bool and np.array_equal(mask, masks[row])
    assert len(instances[0].pred_masks) == 1


def test_a_model_without_map_is_refused():
    with pytest.raises(UserError, match="GeneralizedRCNN: gives no manipulation map"):
        ConstrainedRCNNWithTTA(tiny_cfg("MODEL.META_ARCHITECTURE", "GeneralizedRCNN"), torch.nn.Identity())


def test_augmenting_a_model_that_resizes_images_itself_is_refused():
    class Resizes(torch.nn.Identity):
        resizes_images = True

    with pytest.raises(UserError, match="TEST.AUG.ENABLED False"):
        ConstrainedRCNNWithTTA(tiny_cfg(*TTA), Resizes())
