"""The robustness protocols over a model or a baseline: what ``tools/robustness.py`` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

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
        output: folder, see :func:`evaluation.robustness.evaluate_points`; the same call again goes on.
        config_file, options: of the model, see :func:`config.load_config`; MODEL.WEIGHTS is its checkpoint.
        baseline: key of ``BASELINES`` instead of a model; needs no Torch.
        protocols: names for :func:`perturbations.protocol_points`; all where none is given.
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
        return evaluate_points(items, points, baseline_judge(baseline), output,
                               {**common, "baseline": baseline}, seed=seed, progress=progress)  # fmt: skip
    from ..config import load_config
    from ..config_text import config_sha256
    from ..utils.provenance import sha256

    cfg = load_config(config_file, list(options))
    cfg.DATASETS.TEST = (dataset,)
    judge, items = model_judge(cfg, dataset)
    settings = {
        **common,
        "weights": sha256(cfg.MODEL.WEIGHTS),
        "config": config_sha256(cfg),
    }
    variants = MetricVariants.from_names(cfg.TEST.METRIC_VARIANTS)
    return evaluate_points(items, points, judge, output, settings, variants=variants, seed=seed,
                           max_pixels=cfg.INPUT.MAX_PIXELS, progress=progress)  # fmt: skip


def baseline_judge(name: str):
    """A baseline as a detector: (dataset dict, BGR image) -> (map, its maximum, no class)."""

    def judge(item, image):
        score_map = BASELINES[name](image)
        return score_map, float(score_map.max()), None

    return judge


def model_judge(cfg, dataset: str):
    """A checkpoint as a detector that sees a picture exactly as the plain evaluation shows it.

    Args:
        cfg: with MODEL.WEIGHTS.
        dataset: registered name or prepared split.

    Returns:
        The detector, and the dataset's dicts.

    Raises:
        UserError: no weights, or weights that do not fit.
    """
    import torch
    from detectron2.data import detection_utils
    from detectron2.data import transforms as T

    from ..data import catalog
    from ..evaluation.manipulation_evaluator import unpack_output
    from ..inference.load import load_for_inference
    from ..inference.viewed_model import as_evaluated
    from .train import class_names

    if not cfg.MODEL.WEIGHTS:
        raise UserError("MODEL.WEIGHTS is empty; give a checkpoint: --opts MODEL.WEIGHTS FILE")
    items, names = catalog.dataset_dicts(dataset), class_names(cfg, [dataset])
    model, _ = load_for_inference(cfg)
    evaluated = as_evaluated(model, cfg).eval()
    augmentations = T.AugmentationList(detection_utils.build_augmentation(cfg, False))

    def judge(item, image):
        pixels = image if cfg.INPUT.FORMAT == "BGR" else np.ascontiguousarray(image[:, :, ::-1])
        augmented = T.AugInput(pixels)
        augmentations(augmented)
        tensor = torch.as_tensor(np.ascontiguousarray(augmented.image.transpose(2, 0, 1)))
        shown = {"image": tensor, "pixels": pixels, "height": image.shape[0], "width": image.shape[1]}
        with torch.no_grad():
            output = evaluated([shown])[0]
        return unpack_output(output, names)

    return judge, items
