"""The perturbations themselves, and the protocols over a detector."""

from __future__ import annotations

import errno
import io
import json
import os

import cv2
import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.data.lookup import dataset_dicts
from constrained_rcnn.engine.robustness import baseline_detector
from constrained_rcnn.evaluation import robustness
from constrained_rcnn.evaluation.baselines import evaluate_baseline
from constrained_rcnn.evaluation.metrics.records import DetectorOutput
from constrained_rcnn.evaluation.metrics.techniques import Detections
from constrained_rcnn.evaluation.perturbations import PROTOCOLS, Perturbation, protocol_points, resize_mask
from constrained_rcnn.evaluation.robustness import evaluate_points, perturbed_record
from constrained_rcnn.utils.errors import OutputError, UserError
from constrained_rcnn.utils.output_folder import output_folder
from tests.helpers.commands import running
from tests.helpers.tiny_data import write_set

GREY = np.full((200, 300, 3), 128, np.uint8)


def make_image(seed=0, size=(96, 128)):
    """Coloured clouds with an edge."""
    rng = np.random.default_rng(seed)
    clouds = cv2.resize(rng.integers(0, 256, (7, 9, 3)).astype(np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    clouds[20:60, 30:90] //= 2
    return clouds


def test_points_are_those_of_the_protocols():
    points = protocol_points()
    assert points[0].name == "clean" and len(points) == 1 + sum(len(values) for values in PROTOCOLS.values())
    assert [p.name for p in protocol_points(["resize", "jpeg-75"])] == [
        "clean",
        "resize-0.78",
        "resize-0.25",
        "jpeg-75",
    ]
    assert PROTOCOLS["gaussian_noise"] == PROTOCOLS["gaussian_blur"] == (3, 7, 11, 15, 19, 23)
    for bad in ("webp", "jpeg-0", "jpeg-70.5", "blur-4", "resize-0", "noise--1", "noise-much", "social-2", "noise-nan"):
        with pytest.raises(UserError):
            protocol_points([bad])


@pytest.mark.parametrize("point", protocol_points(), ids=lambda point: point.name)
def test_every_point_keeps_type_and_original(point):
    image = make_image()
    original = image.copy()
    result = point(image, key=3)
    assert result.dtype == np.uint8 and result.ndim == 3 and np.array_equal(image, original)
    assert (result.shape == image.shape) or point.protocol == "resize"
    assert np.array_equal(result, image) == (point.name == "clean")
    assert np.array_equal(result, point(image, key=3))


def test_noise_has_its_variance_and_its_sigma():
    for point, sigma in ((Perturbation("gaussian_noise", 15), 15**0.5), (Perturbation("noise", 15), 15)):
        difference = point(GREY).astype(float) - 128
        assert difference.std() == pytest.approx((sigma**2 + 1 / 12) ** 0.5, rel=0.01)  # rounding adds 1/12
        assert abs(difference.mean()) < 0.1
        channels = np.corrcoef(difference.reshape(-1, 3).T)
        assert np.abs(channels - np.eye(3)).max() < 0.02


def test_the_seed_fixes_the_noise_of_each_image():
    noise = Perturbation("noise", 3)
    first = noise(GREY, key=1, seed=0)
    assert not np.array_equal(first, noise(GREY, key=2, seed=0))
    assert not np.array_equal(first, noise(GREY, key=1, seed=1))


def test_jpeg_is_pillows_at_that_quality():
    image = make_image()
    buffer = io.BytesIO()
    Image.fromarray(image[:, :, ::-1]).save(buffer, "JPEG", quality=70)
    buffer.seek(0)
    assert np.array_equal(Perturbation("jpeg", 70)(image)[:, :, ::-1], np.asarray(Image.open(buffer)))
    errors = [np.abs(Perturbation("jpeg", q)(image).astype(int) - image).mean() for q in PROTOCOLS["jpeg"]]
    assert errors == sorted(errors)


def test_blur_uses_opencvs_sigma():
    impulse = np.zeros((31, 31, 3), np.uint8)
    impulse[15, 15] = 255
    profile = Perturbation("gaussian_blur", 7)(impulse)[15, :, 0].astype(float)
    sigma = 0.3 * ((7 - 1) / 2 - 1) + 0.8
    weights = np.exp(-(np.arange(-3, 4) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    assert profile[12:19] == pytest.approx(255 * weights * weights.max(), abs=1.5)
    assert not profile[:12].any() and not profile[19:].any()


def test_social_scales_only_down():
    large = Perturbation("social")(make_image(size=(700, 2000)))
    assert large.shape == (448, 1280, 3)
    small = make_image()
    assert Perturbation("social")(small).shape == small.shape


def test_a_mask_is_resized_by_nearest():
    mask = np.zeros((100, 60), bool)
    mask[20:60, 30:] = True
    half = resize_mask(mask, (50, 30))
    assert half.dtype == bool and np.array_equal(half, mask[::2, ::2])
    assert resize_mask(mask, (100, 60)) is mask


@pytest.fixture
def data(tmp_path):
    return write_set(tmp_path / "data", "test", 6)


def test_the_clean_point_equals_the_plain_evaluation_and_an_interrupted_run_goes_on(data, tmp_path):
    items = dataset_dicts(data)
    points = protocol_points(["jpeg-50", "resize-0.25", "noise-15"])
    baseline = baseline_detector("error_level_analysis")
    first_images = []

    def dies(item, image):
        if len(first_images) == 9:
            raise KeyboardInterrupt
        first_images.append(item["image_id"])
        return baseline(item, image)

    folder, settings = tmp_path / "out", {"dataset": "somebody/annotations/tiny.json"}
    with pytest.raises(KeyboardInterrupt):
        evaluate_points(items, points, dies, folder, settings)
    with open(folder / "jpeg-50" / "partial.jsonl", "a") as file:
        file.write('{"image_id": 4, "pix')  # a kill in the middle of a line
    second_images = []

    def counts(item, image):
        second_images.append(item["image_id"])
        return baseline(item, image)

    resumed = evaluate_points(items, points, counts, folder, settings)
    assert len(first_images) + len(second_images) == 4 * len(items)
    uninterrupted = evaluate_points(items, points, baseline, tmp_path / "whole", settings)
    for name in ("robustness.json", "robustness.md", "jpeg-50/per_image.json", "clean/metrics.json"):
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    plain = evaluate_baseline("error_level_analysis", items)
    for name, value in plain["metrics"].items():
        assert resumed["clean"]["metrics"][name] == pytest.approx(value, rel=0, abs=0, nan_ok=True), name
    assert uninterrupted["resize-0.25"]["counts"] == plain["counts"]
    assert uninterrupted["noise-15"]["metrics"]["f1_best"] != plain["metrics"]["f1_best"]
    page = (folder / "robustness.html").read_text()
    assert page.count("<svg") == 3 and "JPEG quality" in page and "+0.00" in page
    assert "tiny" in page and "somebody" not in page  # no folders in a page that is passed on
    with pytest.raises(UserError, match="another --output"):
        evaluate_points(items, points, baseline, folder, {"dataset": "other"})


def test_regions_are_resized_with_their_image(data):
    item = dataset_dicts(data)[1]
    (x, y, width, height), technique = item["annotations"][0]["bbox"], item["technique"]

    def at_half_size(item, image):
        box = [x / 2, y / 2, (x + width) / 2, (y + height) / 2]
        detections = Detections([technique], [0.9], [box], ("splice", "copy-move", "removal"))
        return DetectorOutput(np.zeros(image.shape[:2], np.float32), 0.9, technique, detections)

    record = perturbed_record(item, Perturbation("resize", 0.5), at_half_size)
    assert record["detections"] == {"regions": [[technique, technique]], "false_alarms": []}
    assert perturbed_record(item, Perturbation("clean"), at_half_size)["detections"]["false_alarms"] == [technique]


def test_command_line(data, tmp_path, capsys):
    main, output = running("robustness"), tmp_path / "out"
    arguments = ["--dataset", data, "--output", str(output), "--baseline", "centre_prior"]
    assert main([*arguments, "--protocols", "blur-3", "social"]) == 0
    out = capsys.readouterr().out
    assert "| blur-3" in out and "| social" in out and "n(manipulated) = 4" in out
    points = json.loads((output / "robustness.json").read_text())["points"]
    # A map that does not look at the image does not mind what happens to it.
    assert points["clean"]["metrics"] == points["blur-3"]["metrics"] == points["social"]["metrics"]
    assert main([*arguments[:-1], "none"]) == 2 and "centre_prior" in capsys.readouterr().err
    assert main([*arguments, "--protocols", "fog"]) == 2 and "fog" in capsys.readouterr().err


def test_a_full_disk_and_another_run_are_one_line(data, tmp_path, monkeypatch):
    items, points, baseline = dataset_dicts(data), protocol_points(["jpeg-50"]), baseline_detector("all_ones")
    evaluate_points(items, points[:1], baseline, tmp_path / "out", {"dataset": "tiny"})
    contents = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(robustness, "robustness_page", full)
    with pytest.raises(OutputError, match="out: cannot be written: no space left on device; make room"):
        evaluate_points(items, points, baseline, tmp_path / "out", {"dataset": "tiny"})
    assert all(path.read_bytes() == content for path, content in contents.items())  # table, JSON and curves together
    assert not list((tmp_path / "out").rglob("partial.jsonl"))  # the point itself is done
    with output_folder(tmp_path / "out"), pytest.raises(UserError, match="another run is writing there"):
        evaluate_points(items, points, baseline, tmp_path / "out", {"dataset": "tiny"})
