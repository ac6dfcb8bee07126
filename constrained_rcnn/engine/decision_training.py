"""Fits the decision head on whole images, the rest of the network as it is.

Training sees crops, in which a forged region is large; a whole image of many pixels looks otherwise to the head. What
it reads is one short vector per image, so vectors are made once, and the head is fitted to them in seconds.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ..data.augmentation import Reduced, SavedAgain, numpy_seed
from ..data.catalog import dataset_dicts
from ..images.reading import read_image
from ..inference.augmentations import augmentations_of
from ..inference.load import load_for_inference
from ..modeling.checkpoint import read_checkpoint, write_checkpoint
from ..utils.errors import UserError

logger = logging.getLogger(__name__)

#: Passes over the vectors, vectors per step, learning rate, weight decay, and share of hidden units left out in a step.
EPOCHS, BATCH, RATE, DECAY, DROPOUT = 60, 128, 1e-3, 1e-2, 0.3


def fit_decision(cfg, datasets: Sequence[str], output: str, *, limit: int = 0, seed: int = 0, progress=iter) -> dict:
    """Fits the decision head of ``MODEL.WEIGHTS`` and writes a checkpoint with it; operating points are left out.

    Args:
        cfg: with MODEL.DECISION_HEAD, MODEL.WEIGHTS, TEST.REDUCE_ABOVE, and INPUT.REDUCED and INPUT.SAVED_AGAIN, by
            which forged and authentic images are reduced and saved again alike.
        datasets: registered names or paths of prepared splits; forged and authentic images weigh the same together,
            however many there are of each.
        output: path of the new checkpoint.
        limit: most images of a dataset, drawn at random; 0: all.
        seed: of the draws and the fit.
        progress: wraps the iteration over images, for instance ``tqdm``.

    Returns:
        images, forged (counts), and auc of a fifth of the images that a first fit has not seen (NaN: all of one kind).

    Raises:
        UserError: a config without a decision head, or images of one kind only.
    """
    if not cfg.MODEL.DECISION_HEAD.ENABLED:
        raise UserError("config: MODEL.DECISION_HEAD.ENABLED is False; there is no decision head to fit")
    rng = np.random.default_rng(seed)
    items = []
    for name in datasets:
        entries = dataset_dicts(name)
        chosen = rng.permutation(len(entries))[: limit or None]
        items += [entries[index] for index in chosen]
    labels = torch.tensor([float(not item["authentic"]) for item in items])
    if not 0 < labels.sum() < len(labels):
        raise UserError(f"{', '.join(datasets)}: images of one kind only; the head needs forged and authentic ones")
    model, _ = load_for_inference(cfg)
    vectors = torch.stack([_describe(model, cfg, item, seed + number) for number, item in enumerate(progress(items))])
    order = torch.from_numpy(rng.permutation(len(items)))
    kept_out, trained = order[: len(order) // 5], order[len(order) // 5 :]
    trial = _fit(model.decision, vectors[trained], labels[trained], seed)
    head = _fit(model.decision, vectors, labels, seed)
    data = read_checkpoint(cfg.MODEL.WEIGHTS)
    data["model"].update({f"decision.{key}": value for key, value in head.state_dict().items()})
    write_checkpoint({"model": data["model"], "metadata": _without_points(data)}, output)
    with torch.inference_mode():
        auc = _auc(trial.decide(vectors[kept_out]), labels[kept_out])
    return {"images": len(items), "forged": int(labels.sum()), "auc": auc}


def _without_points(data: dict) -> dict:
    return {key: value for key, value in data.get("metadata", {}).items() if key != "operating_points"}


def _describe(model, cfg, item: dict, seed: int) -> torch.Tensor:
    image = read_image(item["file_name"], "BGR", max_pixels=cfg.INPUT.MAX_PIXELS)
    reduced, saved_again = Reduced.from_config(cfg), SavedAgain.from_config(cfg)
    if reduced is not None:
        with numpy_seed(seed):
            image = reduced.get_transform(image).apply_image(image)
    if saved_again is not None:
        image = saved_again(image, np.random.default_rng(seed))
    image = augmentations_of(cfg)[0].apply(image)
    image = image if cfg.INPUT.FORMAT == "BGR" else image[:, :, ::-1]
    with torch.inference_mode():
        vector = model.describe(torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))))
    return vector.cpu().clone()


def _fit(head, vectors: torch.Tensor, labels: torch.Tensor, seed: int):
    """A head fitted to vectors (N, D) and labels (N,) of 0 and 1, both kinds weighing the same."""
    generator = torch.Generator().manual_seed(seed)
    mean, deviation = vectors.mean(0), vectors.std(0) + 1e-3
    scaled = (vectors - mean) / deviation
    first, _, last = layers = nn.Sequential(*(copy.deepcopy(layer) for layer in head.layers)).float()
    layers.requires_grad_(True)
    nn.init.normal_(first.weight, std=first.in_features**-0.5, generator=generator)
    nn.init.normal_(last.weight, std=0.01, generator=generator)
    nn.init.zeros_(first.bias)
    nn.init.zeros_(last.bias)
    weights = torch.where(labels > 0, 0.5 / labels.mean(), 0.5 / (1 - labels.mean()))
    optimizer = torch.optim.AdamW(layers.parameters(), lr=RATE, weight_decay=DECAY)
    steps = EPOCHS * -(-len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(labels), generator=generator).split(BATCH):
            hidden = F.relu(first(scaled[rows]))
            hidden = hidden * (torch.rand(hidden.shape, generator=generator) > DROPOUT) / (1 - DROPOUT)
            loss = F.binary_cross_entropy_with_logits(last(hidden)[:, 0], labels[rows], weights[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():  # the scaling becomes part of the first layer
        first.bias -= first.weight @ (mean / deviation)
        first.weight /= deviation
    fitted = copy.deepcopy(head)
    fitted.layers = layers.requires_grad_(False)
    return fitted


def _auc(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """Probability that a forged image scores higher than an authentic one, ties half."""
    forged, authentic = scores[labels > 0][:, None], scores[labels == 0][None]
    return float(((forged > authentic).float() + 0.5 * (forged == authentic).float()).mean())
