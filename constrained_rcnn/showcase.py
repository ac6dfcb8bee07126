"""What ``make demo`` does: from ordinary photos to a trained model, its figures, and pictures of what it finds."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from .calibration import calibrate
from .config import load_config
from .data.catalog import dataset_dicts
from .data.demo_photos import load as load_demo_photos
from .data.files import write_jpeg_atomic, write_json_atomic
from .data.image_io import read_image, read_mask
from .data.output_folder import output_folder
from .data.synthesis.photos import find_photos, split_photos
from .data.synthesis.writer import write_forgeries
from .demo import run as judge_files
from .engine import evaluate, train
from .errors import UserError
from .evaluation.baselines import evaluate_baseline
from .evaluation.table import comparison_table, without_nan
from .model_zoo import config_file
from .predictor import ManipulationPredictor
from .report import grid, heat, overlay, side_by_side

logger = logging.getLogger(__name__)

#: Length of the training: about five minutes on two CPU cores.
SCHEDULE = ["SOLVER.MAX_ITER", "400", "SOLVER.STEPS", "(320,)", "SOLVER.CHECKPOINT_PERIOD", "100"]
#: How they are made: so that minutes of training are enough.
PRESET = "camera"
#: (height, width) of the forgeries in pixels.
SIZE = (256, 256)
#: Forgeries of each split.
COUNTS = {"train": 800, "val": 60, "test": 100}
#: Authentic counterparts per forgery; the threshold is chosen on those of "val".
AUTHENTIC = {"train": 0.5, "val": 1.0, "test": 0.5}
#: Share of the training photos that the decision threshold is chosen on.
VALIDATION_SHARE = 0.15
#: Share of authentic validation images that may be called manipulated.
FALSE_ALARM_RATE = 0.1
#: Baselines shown beside the model; the floor of the all-ones map is a metric of its own.
BASELINES = ("all_ones", "centre_prior", "error_level_analysis", "local_noise_variance")
#: Height of a picture in the sheet, pixels.
PANEL = 150
SHOWN = ("auc", "f1_best", "f1_fixed", "iou_fixed", "image_auc")


def run(output: Path, seed: int = 0, photos: Path | None = None, options: list[str] = ()) -> dict:
    """Makes a forged set, trains the small config, evaluates it and judges unseen images.

    A run that was interrupted goes on where it stopped when it is started again with the same arguments.

    Args:
        output: folder for everything; made if it is not there.
        seed: of the forgeries and the training.
        photos: folder of photos to forge instead of the built-in ones; a fifth of them is kept for the test.
        options: more ``KEY VALUE`` pairs for the config.

    Returns:
        What ``metrics.json`` holds: auc, f1_best, f1_floor, the model's and the baselines' metrics (fractions),
        counts and seconds per step.

    Raises:
        UserError: the folder holds a demo made with other arguments, or the photos cannot be used.
    """
    with output_folder(output) as output:
        _claim(output, {"seed": seed, "photos": str(photos) if photos else None, "options": list(options)})
        return _run(output, seed, photos, options)


def _run(output: Path, seed: int, photos: Path | None, options: list[str]) -> dict:
    """The part of :func:`run` for which the output folder is claimed."""
    seconds: dict[str, float] = {}
    splits, photo_counts = _timed(seconds, "forgeries", lambda: make_forgeries(output / "data", seed, photos))

    cfg = load_config(
        config_file("constrained_rcnn_small.yaml"),
        ["DATASETS.TRAIN", f"({str(splits['train'])!r},)", "OUTPUT_DIR", str(output / "model"),
         "SEED", str(seed), "DATALOADER.NUM_WORKERS", "0", *SCHEDULE, *options],
    )  # fmt: skip
    _timed(seconds, "training", lambda: train(cfg, resume=True))
    cfg.MODEL.WEIGHTS = str(output / "model" / "model_final.pth")
    cfg.DATASETS.TEST = (str(splits["test"]),)
    progress = lambda items: tqdm(items, unit="image")  # noqa: E731
    _timed(seconds, "threshold", lambda: _calibrate(cfg, str(splits["val"]), progress))
    _timed(seconds, "evaluation", lambda: evaluate(cfg))
    inference = output / "model" / "inference" / "test"
    model = json.loads((inference / "metrics.json").read_text())

    test = dataset_dicts(str(splits["test"]))
    started = time.monotonic()
    baselines = {name: evaluate_baseline(name, test, progress=progress) for name in BASELINES}
    seconds["baselines"] = time.monotonic() - started

    chosen = choose_examples(json.loads((inference / "per_image.json").read_text()))
    by_id = {item["image_id"]: item for item in test}
    _timed(seconds, "pictures", lambda: _pictures(cfg, output, [by_id[number] for number in chosen]))
    print()
    print(comparison_table({"Constrained R-CNN": model, **baselines}, SHOWN))
    metrics = {
        "auc": model["metrics"]["auc"],
        "f1_best": model["metrics"]["f1_best"],
        "f1_floor": model["metrics"]["f1_floor"],
        "model": model["metrics"],
        "coco": model.get("coco"),
        "baselines": {name: summary["metrics"] for name, summary in baselines.items()},
        "counts": {**model["counts"], **photo_counts, **_train_counts(splits)},
        "seed": seed,
        "seconds": {**{k: round(v, 1) for k, v in seconds.items()}, "total": round(sum(seconds.values()), 1)},
    }
    write_json_atomic(output / "metrics.json", without_nan(metrics), indent=2)
    print(f"\nauc {metrics['auc']:.3f}, f1_best {metrics['f1_best']:.3f} (all-ones floor {metrics['f1_floor']:.3f}), "
          f"{metrics['seconds']['total']:.0f} seconds")  # fmt: skip
    print(f"pictures: {output / 'examples.jpg'} and {output / 'results'}\nfigures:  {output / 'metrics.json'}")
    return metrics


def make_forgeries(folder: Path, seed: int, photos: Path | None) -> tuple[dict[str, Path], dict[str, int]]:
    """Writes the splits train, val and test; no photo is in two of them.

    Returns:
        The JSON file of each split, and the number of source photos of each (``photos_<split>``).
    """
    if photos is None:
        training, test = load_demo_photos("train"), load_demo_photos("test")
    else:
        found, skipped = find_photos(photos, SIZE)
        for line in skipped:
            print(f"left out: {line}")
        training, test = split_photos(found, 0.2, seed)
    training, validation = split_photos(training, VALIDATION_SHARE, seed)
    files, sides = {}, {"train": training, "val": validation, "test": test}
    for split, side in sides.items():
        done = write_forgeries(
            side, folder, split, COUNTS[split], seed, preset=PRESET, size=SIZE, authentic=AUTHENTIC[split]
        )
        files[split] = Path(done["json_file"])
    return files, {f"photos_{split}": len(side) for split, side in sides.items()}


def choose_examples(records: list[dict]) -> list[int]:
    """Image ids to show: per technique the upper quartile, median and lower quartile by ``f1_best``.

    Neither the best nor the worst: what a user may expect. An image is not shown twice.
    """
    chosen = []
    for technique in sorted({r["technique"] for r in records if not r["authentic"] and r["pixel"]}):
        ranked = sorted(
            (r for r in records if r["technique"] == technique and r["pixel"]), key=lambda r: -r["pixel"]["f1_best"]
        )
        chosen += [ranked[int(q * (len(ranked) - 1))]["image_id"] for q in (0.25, 0.5, 0.75)]
    return list(dict.fromkeys(chosen))


def _pictures(cfg, output: Path, items: list[dict]) -> None:
    """Runs the demo tool on unseen images and draws one sheet: a row per technique, good to bad from the left."""
    files = [item["file_name"] for item in items]
    judge_files(config_file("constrained_rcnn_small.yaml"), files, str(output / "results"), _as_options(cfg))
    predictor = ManipulationPredictor(cfg)
    rows: dict[str, list[np.ndarray]] = {}
    for item in items:
        image = read_image(item["file_name"], "BGR")
        truth = cv2.cvtColor(read_mask(item["mask_file_name"]).astype(np.uint8) * 255, cv2.COLOR_GRAY2BGR)
        result = predictor(image)
        panels = [
            (item["technique"], image), ("truth", truth), ("map", heat(result.manipulation_map)),
            ("overlay", overlay(image, result, line=result.summary)),
        ]  # fmt: skip
        rows.setdefault(item["technique"], []).append(side_by_side(panels, PANEL))
    write_jpeg_atomic(output / "examples.jpg", grid(list(rows.values())), 88)


def _as_options(cfg) -> list[str]:
    """What the demo tool needs to know beyond the config file."""
    return ["MODEL.WEIGHTS", cfg.MODEL.WEIGHTS, "MODEL.DEVICE", cfg.MODEL.DEVICE]


def _calibrate(cfg, split: str, progress) -> None:
    calibrate(cfg, dataset=split, rate=FALSE_ALARM_RATE, variants=False, progress=progress)


def _claim(output: Path, settings: dict) -> None:
    """Records what a folder's demo was made with, and refuses to mix two."""
    path = output / "settings.json"
    if path.is_file():
        before = json.loads(path.read_text())
        if before != settings:
            raise UserError(f"{output}: holds a demo made with {before}; delete it or give another --output")
    write_json_atomic(path, settings)


def _timed(seconds: dict, name: str, step):
    print(f"== {name}", flush=True)
    started = time.monotonic()
    result = step()
    seconds[name] = time.monotonic() - started
    return result


def _train_counts(splits: dict[str, Path]) -> dict[str, int]:
    items = dataset_dicts(str(splits["train"]))
    authentic = sum(item["authentic"] for item in items)
    return {"train_manipulated": len(items) - authentic, "train_authentic": authentic}

