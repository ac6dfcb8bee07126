"""What ``make demo-train`` does: trains the small config on easy forgeries, then shows it as :mod:`.showcase` does."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from ...config import load_config
from ...data.catalog import dataset_dicts
from ...engine.train import train
from ...inference.calibration import calibrate
from ...model_zoo import config_file
from ...synthesis.demo_photos import load as load_demo_photos
from ...synthesis.photos import split_photos
from ...synthesis.writer import write_forgeries
from . import showcase

CONFIG = "constrained_rcnn_small.yaml"
#: Length of the training: about five minutes on two CPU cores.
SCHEDULE = ["SOLVER.MAX_ITER", "400", "SOLVER.STEPS", "(320,)", "SOLVER.CHECKPOINT_PERIOD", "100"]
#: How the forgeries are made: so that minutes of training are enough.
PRESET = "camera"
#: Forgeries of each split.
COUNTS = {"train": 800, "val": 60, "test": 100}
#: Authentic counterparts per forgery; the threshold is chosen on those of "val".
AUTHENTIC = {"train": 0.5, "val": 1.0, "test": 0.5}
#: Share of the training photos that the decision threshold is chosen on.
VALIDATION_SHARE = 0.15
#: Share of authentic validation images that may be called manipulated.
FALSE_ALARM_RATE = 0.1


def run(output: Path, seed: int = 0, photos: Path | None = None, options: list[str] = ()) -> dict:
    """Makes a forged set, trains the small config on it, evaluates it and shows what it finds in unseen images.

    A run that was interrupted goes on where it stopped when it is started again with the same arguments.

    Args:
        output: folder for everything; made if it is not there.
        seed: of the forgeries and the training.
        photos: folder of photos to forge instead of the built-in ones; a fifth of them is kept for the test.
        options: more ``KEY VALUE`` pairs for the config.

    Returns:
        See :func:`.showcase.show`.

    Raises:
        UserError: the folder holds a demo made with other arguments, or the photos cannot be used.
    """
    settings = {"train": True, "seed": seed, "photos": str(photos) if photos else None, "options": list(options)}
    with showcase.claimed(output, settings) as output:
        return _run(output, seed, photos, options)


def _run(output: Path, seed: int, photos: Path | None, options: list[str]) -> dict:
    """The part of :func:`run` for which the output folder is claimed."""
    seconds: dict[str, float] = {}
    splits, photo_counts = showcase.timed(seconds, "forgeries", lambda: make_forgeries(output / "data", seed, photos))
    cfg = load_config(
        config_file(CONFIG),
        [*showcase.evaluation_options(output, splits["test"]), "DATASETS.TRAIN", f"({str(splits['train'])!r},)",
         "SEED", str(seed), *SCHEDULE, *options],
    )  # fmt: skip
    showcase.timed(seconds, "training", lambda: train(cfg, resume=True))
    cfg.MODEL.WEIGHTS = str(output / "model" / "model_final.pth")
    showcase.timed(seconds, "threshold", lambda: _calibrate(cfg, str(splits["val"])))
    counts = {**photo_counts, **_train_counts(splits["train"])}
    same_model = [*options, "MODEL.WEIGHTS", cfg.MODEL.WEIGHTS]
    return showcase.show(cfg, config_file(CONFIG), same_model, output, seed, counts, seconds)


def make_forgeries(folder: Path, seed: int, photos: Path | None) -> tuple[dict[str, Path], dict[str, int]]:
    """Writes the splits train, val and test; no photo is in two of them.

    Returns:
        The JSON file of each split, and the number of source photos of each (``photos_<split>``).
    """
    if photos is None:
        training, test = load_demo_photos("train"), load_demo_photos("test")
    else:
        training, test = split_photos(showcase.photos_of(photos), 0.2, seed)
    training, validation = split_photos(training, VALIDATION_SHARE, seed)
    files, sides = {}, {"train": training, "val": validation, "test": test}
    for split, side in sides.items():
        done = write_forgeries(
            side, folder, split, COUNTS[split], seed, preset=PRESET, size=showcase.SIZE, authentic=AUTHENTIC[split]
        )
        files[split] = Path(done["json_file"])
    return files, {f"photos_{split}": len(side) for split, side in sides.items()}


def _calibrate(cfg, split: str) -> None:
    progress = lambda images: tqdm(images, unit="image")  # noqa: E731
    calibrate(cfg, dataset=split, rate=FALSE_ALARM_RATE, variants=False, progress=progress)


def _train_counts(split: Path) -> dict[str, int]:
    items = dataset_dicts(str(split))
    authentic = sum(item["authentic"] for item in items)
    return {"train_manipulated": len(items) - authentic, "train_authentic": authentic}
