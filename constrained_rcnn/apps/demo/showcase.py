"""What ``make demo`` does: runs the package's weights on forgeries of photos that they never saw.

What it shares with the demo that trains (:mod:`.training`) is :func:`show` and the small functions around it.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ...data.catalog import dataset_dicts
from ...data.techniques import TECHNIQUES
from ...engine.train import evaluate
from ...evaluation.baselines import evaluate_baseline
from ...evaluation.table import comparison_table, without_nan
from ...images.reading import read_image, read_mask
from ...inference.predictor import ManipulationPredictor
from ...model_zoo import load_default_config
from ...synthesis.demo_photos import load as load_demo_photos
from ...synthesis.photos import Photo, find_photos
from ...synthesis.writer import write_forgeries
from ...utils.files import write_jpeg_atomic, write_json_atomic
from ...utils.output_folder import claim_settings, output_folder
from ...visualization.overlay import grid, heat, overlay, side_by_side
from ..detect.run import run as detect_in_files

#: How the forgeries are made: the generator's hard case, as a person makes them of any photos.
PRESET = "careful"
#: (height, width) of the forgeries in pixels, in both demos.
SIZE = (256, 256)
#: Forgeries, of techniques drawn evenly: with all that follows, less than a minute on two CPU cores.
COUNT = 120
#: Authentic counterparts per forgery.
AUTHENTIC = 0.5
#: Baselines shown beside the model; the floor of the all-ones map is a metric of its own.
BASELINES = ("all_ones", "centre_prior", "error_level_analysis", "local_noise_variance")
#: Columns of the table.
SHOWN = ("auc", "f1_best", *(f"f1_best/{technique}" for technique in TECHNIQUES), "f1_fixed", "image_auc")
#: Height of an image in the sheet, pixels.
PANEL = 150
#: What ``metrics.json`` counts and times in either demo; 0 where a demo has no such thing.
COUNTED = ("photos_train", "photos_val", "photos_test", "train_manipulated", "train_authentic")
STEPS = ("forgeries", "training", "threshold", "evaluation", "baselines", "pictures")


def run(output: Path, seed: int = 0, photos: Path | None = None, options: list[str] = ()) -> dict:
    """Makes forgeries, evaluates the package's weights on them and shows examples; nothing is trained.

    The built-in photos come with installed packages and were in no training of these weights. A run that was
    interrupted goes on when it is started again with the same arguments.

    Args:
        output: folder for everything; made if it is not there.
        seed: of the forgeries.
        photos: folder of photos to forge instead of the built-in ones.
        options: ``KEY VALUE`` pairs for the config, MODEL.WEIGHTS for instance.

    Returns:
        See :func:`show`.

    Raises:
        UserError: the folder holds a demo made with other arguments, or the photos cannot be used.
    """
    settings = {"train": False, "seed": seed, "photos": str(photos) if photos else None, "options": list(options)}
    with claimed(output, settings) as output:
        seconds: dict[str, float] = {}
        sources = load_demo_photos("test") if photos is None else photos_of(photos)
        forgeries = timed(seconds, "forgeries", lambda: write_forgeries(
            sources, output / "data", "test", COUNT, seed, preset=PRESET, size=SIZE, authentic=AUTHENTIC
        ))  # fmt: skip
        cfg = load_default_config(None, [*evaluation_options(output, forgeries["json_file"]), *options])
        return show(cfg, None, list(options), output, seed, {"photos_test": len(sources)}, seconds)


def show(
    cfg,
    config_file: str | None,
    options: list[str],
    output: Path,
    seed: int,
    counts: dict[str, int],
    seconds: dict[str, float],
) -> dict:
    """Evaluates a model beside the baselines, draws examples, prints the table and writes ``metrics.json``.

    Args:
        cfg: with MODEL.WEIGHTS and what :func:`evaluation_options` sets.
        config_file, options: the same model for :func:`..detect.run.run`, which writes the examples' results.
        output: folder of the demo.
        seed: of the forgeries.
        counts: those of ``COUNTED`` that are not 0.
        seconds: of the steps so far; what is done here is added.

    Returns:
        What ``metrics.json`` holds: auc, f1_best, f1_floor, the model's and the baselines' metrics (fractions), counts
        and seconds per step.
    """
    timed(seconds, "evaluation", lambda: evaluate(cfg))
    (dataset,) = cfg.DATASETS.TEST
    inference = Path(cfg.OUTPUT_DIR, "inference", Path(dataset).stem)
    model = json.loads((inference / "metrics.json").read_text())
    items = dataset_dicts(dataset)
    progress = lambda images: tqdm(images, unit="image")  # noqa: E731
    baselines = timed(seconds, "baselines", lambda: {
        name: evaluate_baseline(name, items, progress=progress) for name in BASELINES
    })  # fmt: skip
    chosen = choose_examples(json.loads((inference / "per_image.json").read_text()))
    by_id = {item["image_id"]: item for item in items}
    examples = [by_id[number] for number in chosen]
    timed(seconds, "pictures", lambda: _examples(cfg, config_file, options, output, examples))
    print()
    print(comparison_table({"Constrained R-CNN": model, **baselines}, SHOWN))
    metrics = {
        "auc": model["metrics"]["auc"],
        "f1_best": model["metrics"]["f1_best"],
        "f1_floor": model["metrics"]["f1_floor"],
        "model": model["metrics"],
        "coco": model.get("coco"),
        "baselines": {name: summary["metrics"] for name, summary in baselines.items()},
        "counts": {**model["counts"], **{name: counts.get(name, 0) for name in COUNTED}},
        "seed": seed,
        "seconds": {
            **{step: round(seconds.get(step, 0.0), 1) for step in STEPS}, "total": round(sum(seconds.values()), 1)
        },
    }  # fmt: skip
    write_json_atomic(output / "metrics.json", without_nan(metrics), indent=2)
    print(f"\nauc {metrics['auc']:.3f}, f1_best {metrics['f1_best']:.3f} (all-ones floor {metrics['f1_floor']:.3f}), "
          f"{metrics['seconds']['total']:.0f} seconds")  # fmt: skip
    print(f"examples: {output / 'examples.jpg'} and {output / 'results' / 'results.html'}\n"
          f"report:   {inference / 'report.html'}\nfigures:  {output / 'metrics.json'}")  # fmt: skip
    return metrics


def evaluation_options(output: Path, test: Path) -> list[str]:
    """Config keys of a demo in ``output`` that is evaluated on the prepared split ``test``."""
    return [
        "DATASETS.TEST", f"({str(test)!r},)", "OUTPUT_DIR", str(output / "model"), "DATALOADER.NUM_WORKERS", "0"
    ]  # fmt: skip


def photos_of(folder: Path) -> list[Photo]:
    """The usable photos of a folder; prints a line for each file that is left out.

    Raises:
        UserError: no folder, or no usable photo in it.
    """
    found, skipped = find_photos(folder, SIZE)
    for line in skipped:
        print(f"left out: {line}")
    return found


@contextlib.contextmanager
def claimed(output: Path, settings: dict) -> Iterator[Path]:
    """Claims a demo's folder, as every run does, and records there what the demo is made with.

    Raises:
        UserError: the folder holds a demo made with other settings, or another run writes there.
        OutputError: it cannot be made or written.
    """
    with output_folder(output) as folder:
        claim_settings(folder, settings)
        yield folder


def timed(seconds: dict[str, float], name: str, step):
    """Runs a step under a headline, keeps its seconds and returns its result."""
    print(f"== {name}", flush=True)
    started = time.monotonic()
    result = step()
    seconds[name] = time.monotonic() - started
    return result


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


def _examples(cfg, config_file: str | None, options: list[str], output: Path, items: list[dict]) -> None:
    """Writes the examples' results and draws one sheet: a row per technique, good to bad from the left."""
    files = [item["file_name"] for item in items]
    detect_in_files(config_file, files, str(output / "results"), options, resume=True)
    predictor = ManipulationPredictor(cfg)
    rows: dict[str, list[np.ndarray]] = {}
    for item in items:
        image = read_image(item["file_name"], "BGR")
        truth = cv2.cvtColor(read_mask(item["mask_file_name"]).astype(np.uint8) * 255, cv2.COLOR_GRAY2BGR)
        result = predictor(image)
        manipulation_map = result.manipulation_map
        panels = [
            (item["technique"], image), ("truth", truth), ("map", heat(manipulation_map)),
            ("overlay", overlay(image, manipulation_map, result.detections, result.threshold, line=result.summary)),
        ]  # fmt: skip
        rows.setdefault(item["technique"], []).append(side_by_side(panels, PANEL))
    write_jpeg_atomic(output / "examples.jpg", grid(list(rows.values())), 88)
