"""Operating points from untouched photos into a checkpoint, and the tools that do it and tell of it."""

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from constrained_rcnn.inference.calibration import calibrate, cross_validated, named_techniques
from constrained_rcnn.inference.operating_points import KEY, OperatingPoints
from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.inference.untouched import Untouched
from constrained_rcnn.model_zoo import config_file
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer, read_checkpoint
from tests.helpers.commands import running
from tests.helpers.copied import forged as copied
from tests.helpers.copied import photo as coffee
from tests.helpers.tiny import DENSE, TINY, tiny_cfg, tiny_model
from tests.helpers.tiny_data import write_set
from tests.inference.test_untouched import photo

SMALL = config_file("constrained_rcnn_small.yaml")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Six photos, one that is a drawing, and a text file."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(6):
        Image.fromarray(photo(128, 144, seed)).save(folder / f"{seed}.{'png' if seed % 2 else 'jpg'}")
    Image.new("RGB", (150, 130), (240, 250, 255)).save(folder / "drawing.png")
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def weights(tmp_path):
    metadata = {"classes": ["splice", "copy-move", "removal"], "decision_threshold": 0.3}
    ManipulationCheckpointer(tiny_model(*DENSE), str(tmp_path), metadata=metadata).save("model")
    return str(tmp_path / "model.pth")


def test_both_tools_from_end_to_end(weights, photos, tmp_path, capsys):
    checkpoint = read_checkpoint(weights)
    common = ["--photos", str(photos), "--config-file", SMALL]
    opts = ["--opts", *TINY, *DENSE, "MODEL.WEIGHTS", weights]
    assert running("calibrate")([*common, "--false-alarm-rate", "0.1", "--description", "six photos", *opts]) == 0
    output = capsys.readouterr().out
    assert "copy-moves found in" in output and "a technique is named from a margin of 0.00 on" in output

    calibrated = read_checkpoint(weights)
    assert all(torch.equal(value, checkpoint["model"][name]) for name, value in calibrated["model"].items())
    entry = calibrated["metadata"].pop(KEY)
    assert calibrated["metadata"] == checkpoint["metadata"]
    assert entry["rate"] == 0.1 and entry["measured_on"] == "six photos"
    kinds = {name: len(class_entry["logits"]) for name, class_entry in entry["classes"].items()}
    # Six files and five variants of each; the drawing cannot be judged in any. "JPEG 75" is a class of its own.
    assert sum(kinds.values()) == 30 and kinds["below 0.35 MP, JPEG below quality 85"] == 6 + 3
    for name in kinds:
        assert f"{name}: {kinds[name]} images, threshold {entry['classes'][name]['threshold']:.2f} (logit)" in output

    assert running("false-alarms")([*common, "--no-variants", *opts]) == 0
    table = capsys.readouterr().out
    assert "| as it is " in table and "| all " in table and "6 | " in table
    assert "cannot be judged: 1 of 7: a drawing, a document, or mostly one tone" in table
    rate = float([line for line in table.splitlines() if line.startswith("| all")][0].split("|")[3])
    assert rate <= 34  # 10% of 30 images, all of them perhaps files as they are, and no less than 1 in 6

    predictor = ManipulationPredictor(tiny_cfg(*DENSE, "MODEL.WEIGHTS", weights))
    assert predictor.threshold == 0.5  # not the one that was kept before
    result = predictor(photos / "1.png")
    points = OperatingPoints.from_metadata({KEY: entry})
    name = "below 0.35 MP, lightly compressed"
    assert result.rarity.kind == name and result.rarity.images == kinds[name]
    shifted = [points.score(1 / (1 + np.exp(-x)), name, False)[0] for x in points.logits[name]]
    assert min(abs(score - result.score) for score in shifted) < 1e-3
    assert json.loads(json.dumps(result.to_json()))["rarity"]["kind"] == name
    drawing = predictor(photos / "drawing.png")
    assert not drawing.manipulated and drawing.decision == "cannot be judged" and drawing.score <= 0.5


def test_without_a_decision_head_copy_moves_do_not_count_twice(tmp_path):
    """Scores are the network's own, though the config fuses copy-moves into its map."""
    ManipulationCheckpointer(tiny_model(), str(tmp_path)).save("model")
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "copied.png"), copied(coffee())[0])
    cfg = tiny_cfg("MODEL.WEIGHTS", str(tmp_path / "model.pth"), "TEST.REPEATS", "True")
    fused = ManipulationPredictor(cfg)(tmp_path / "photos" / "copied.png")
    cfg.freeze()
    points, held_out = calibrate(cfg, [str(tmp_path / "photos")], variants=False)
    assert points.copy_move_rate == 1.0
    ((logits,),) = (points.logits.values(),)
    assert fused.score >= 0.75 > 1 / (1 + np.exp(-logits[0]))
    assert cfg.TEST.REPEATS


def test_each_half_is_decided_by_the_points_of_the_other():
    """Scores of the second half are all higher: by its own points none would be above, by the first half's all are."""
    low, high = np.linspace(0.1, 0.2, 50), np.linspace(0.8, 0.9, 50)
    examined = [Untouched(f"{i:03d}", "as it is", "kind", s, False, False, None) for i, s in enumerate([*low, *high])]
    examined = [dataclasses.replace(image, file=f"{2 * (i % 50) + i // 50:03d}") for i, image in enumerate(examined)]
    decisions = {image.file: image.manipulated for image in cross_validated(examined, 0.02)}
    assert len(decisions) == 100
    assert all(manipulated == (int(file) % 2 == 1) for file, manipulated in decisions.items())
    assert cross_validated(examined[:1], 0.02) == []  # no other half


def test_what_goes_wrong_is_one_line_and_leaves_the_checkpoint(weights, photos, tmp_path, capsys):
    content = Path(weights).read_bytes()
    opts = ["--opts", *TINY, *DENSE, "MODEL.WEIGHTS", weights]
    broken, empty, drawings = tmp_path / "broken", tmp_path / "empty", tmp_path / "drawings"
    for folder in (broken, empty, drawings):
        folder.mkdir()
    (broken / "a.jpg").write_bytes(b"no image")
    (drawings / "a.png").write_bytes((photos / "drawing.png").read_bytes())
    cases = [
        (["--photos", str(broken)], "a.jpg: not an image"),
        (["--photos", str(empty)], "empty: no untouched image there"),
        (["--photos", str(tmp_path / "nowhere")], "nowhere: no such folder of photos"),
        (["--photos", str(drawings)], "1 images, and none of a suitable kind"),
    ]
    for rate in ("0", "1", "-0.5", "nan"):
        cases.append((["--photos", str(photos), "--false-alarm-rate", rate], f"false-alarm rate {float(rate)}"))
    for arguments, words in cases:
        assert running("calibrate")(["--config-file", SMALL, *arguments, *opts]) == 2
        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1 and words in errors[0], (arguments, errors)
    assert Path(weights).read_bytes() == content
    for arguments, words in cases[:2]:
        assert running("false-alarms")(["--config-file", SMALL, *arguments, *opts]) == 2
        assert words in capsys.readouterr().err
    for name in ("calibrate", "false-alarms"):
        assert running(name)(["--config-file", SMALL]) == 2
        assert "give --photos or --dataset" in capsys.readouterr().err


class Named:
    """Stands for a predictor that finds the upper left quarter of every image, and beside it what it was told."""

    def __init__(self, scores, box=(0.0, 0.0, 40.0, 32.0), found_by="network"):
        from constrained_rcnn.inference.result import Detection

        self.found = Detection("splice", 0.9, scores, box, (64, 80), np.ones((8, 8), np.float32), found_by)

    def __call__(self, file):
        return type("Result", (), {"detections": (self.found,)})()


def test_margins_of_detections_that_hit(tmp_path):
    data = write_set(tmp_path, "val", 12, size=(64, 80))
    items = [i for i in json.loads(Path(data).read_text())["images"] if not i["authentic"]]
    scores = {"copy-move": 0.6, "splice": 0.3, "removal": 0.1}
    hit = []
    for item in items:
        mask = np.array(Image.open(tmp_path / item["mask_file"])) > 127
        hit.append(mask.shape == (64, 80) and mask[:32, :40].mean() >= 0.5)
    predictor = Named(scores)
    margins, right = [], []
    for item, hits in zip(items, hit):
        if hits:
            margins.append(0.6)
            right.append(item["technique"] == "copy-move")
    assert 0 < len(margins) < len(items)
    margins_and_hits = named_techniques(_sized(predictor, items, tmp_path), data)
    assert margins_and_hits == (pytest.approx(margins), right)
    assert named_techniques(_sized(Named(scores, found_by="repeats"), items, tmp_path), data) == ([], [])


def _sized(predictor, items, root):
    """Portraits get no detection: the stand-in's is of landscapes."""
    portrait = {str(root / i["file_name"]) for i in items if i["height"] > i["width"]}
    empty_result = type("Result", (), {"detections": ()})()
    return lambda file: empty_result if str(file) in portrait else predictor(file)


def test_the_margin_is_kept(weights, photos, tmp_path, monkeypatch):
    from constrained_rcnn.inference import calibration

    measured = [0.9 - i / 100 for i in range(40)], [i < 25 for i in range(40)]
    monkeypatch.setattr(calibration, "named_techniques", lambda predictor, dataset, progress: measured)
    cfg = tiny_cfg(*DENSE, "MODEL.WEIGHTS", weights)
    points, _ = calibrate(cfg, [str(photos)], forgeries="some set", variants=False)
    assert points.technique_margin == pytest.approx(0.9 - 0.30)  # 25 of 31 are right
    predictor = ManipulationPredictor(cfg)
    assert predictor.model.operating_points.technique_margin == points.technique_margin
