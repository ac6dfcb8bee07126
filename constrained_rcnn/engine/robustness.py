"""The robustness protocols over a model or a baseline: what ``tools/robustness.py`` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..data.lookup import dataset_dicts
from ..evaluation.baselines import BASELINES
from ..evaluation.metrics.records import MetricVariants
from ..evaluation.perturbations import protocol_points
from ..evaluation.robustness import evaluate_points
from ..utils.errors import UserError


def run(
    dataset: str,
    output: str | os.PathLike,
    *,
    config_file: str | None = None,
    options: Sequence[str] = (),
    baseline: str | None = None,
    protocols: Sequence[str] = (),
    seed: int = 0,
    progress: Callable[[Iterable], Iterable] = iter,
) -> dict[str, dict[str, Any]]:
    """Evaluates a checkpoint, or a baseline, at every point of the protocols.

    Args:
        dataset: registered name or prepared split.
        output: folder, see :func:`..evaluation.robustness.evaluate_points`; the same call again goes on.
        config_file, options: of the model, see :func:`..config.load_config`; MODEL.WEIGHTS is its checkpoint.
        baseline: key of ``BASELINES`` instead of a model; needs no Torch.
        protocols: names for :func:`..evaluation.perturbations.protocol_points`; all where none is given.
        seed: of the noise.
        progress: wraps the iteration over images.

    Returns:
        point name -> summary.

    Raises:
        UserError: bad input.
    """
    points = protocol_points(protocols) if protocols else protocol_points()
    common = {"dataset": dataset}
    if baseline is not None:
        if baseline not in BASELINES:
            raise UserError(f"no baseline {baseline!r}; there are {', '.join(BASELINES)}")
        items = dataset_dicts(dataset)
        return evaluate_points(items, points, baseline_detector(baseline), output,
                               {**common, "baseline": baseline}, seed=seed, progress=progress)  # fmt: skip
    from ..config import load_config
    from ..config_text import config_sha256
    from ..utils.provenance import sha256

    cfg = load_config(config_file, list(options))
    cfg.DATASETS.TEST = (dataset,)
    detector, items = model_detector(cfg, dataset)
    settings = {**common, "weights": sha256(cfg.MODEL.WEIGHTS), "config": config_sha256(cfg)}
    variants = MetricVariants.from_names(cfg.TEST.METRIC_VARIANTS)
    return evaluate_points(items, points, detector, output, settings, variants=variants, seed=seed,
                           max_pixels=cfg.INPUT.MAX_PIXELS, progress=progress)  # fmt: skip


def baseline_detector(name: str):
    """A baseline as a detector: (dataset dict, BGR image) -> (map, its maximum, no class)."""

    def detect(item, image):
        score_map = BASELINES[name](image)
        return score_map, float(score_map.max()), None

    return detect


def model_detector(cfg, dataset: str):
    """A checkpoint as a detector: what the plain evaluation runs, given images in memory.

    Args:
        cfg: with MODEL.WEIGHTS.
        dataset: registered name or prepared split.

    Returns:
        The detector, (dataset dict, BGR image) -> (map, score, class), and the dataset's dicts.

    Raises:
        UserError: no weights, or weights that do not fit.
    """
    import torch

    from ..data import catalog
    from ..evaluation.manipulation_evaluator import unpack_output
    from ..inference.load import load_for_inference
    from ..inference.test_time_augmentation import ConstrainedRCNNWithTTA
    from .train import class_names

    if not cfg.MODEL.WEIGHTS:
        raise UserError("MODEL.WEIGHTS is empty; give a checkpoint: --opts MODEL.WEIGHTS FILE")
    items, names = catalog.dataset_dicts(dataset), class_names(cfg, [dataset])
    model, _ = load_for_inference(cfg)
    detector = ConstrainedRCNNWithTTA(cfg, model, classes=names)

    def detect(item, image):
        with torch.no_grad():
            (output,) = detector([detector.read(image)])
        return unpack_output(output, names)

    return detect, items
