"""Images per second in training and in detection, float32 against bfloat16, as ratios measured in one run."""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable

import torch
from detectron2.modeling import build_model
from detectron2.solver import build_optimizer
from detectron2.utils.events import EventStorage

from ..config import load_config
from ..inference.load import prepare
from ..model_zoo import config_file
from .model import sample, seconds, tame

#: The configs that are meant to be trained on a processor.
CONFIGS = ("constrained_rcnn_small", "constrained_rcnn_R_50_half_C4")


class Subject:
    """A model with random weights that is timed: all of it in float32, or convolutions in bfloat16."""

    def __init__(self, model: torch.nn.Module, cfg, *, bfloat16: bool, channels_last: bool = False):
        """
        Args:
            model: of the config; copied.
            cfg: names the optimizer.
            bfloat16: convolutions run in bfloat16, as by SOLVER.AMP and TEST.BFLOAT16.
            channels_last: parameters lie so in memory in training; in detection they always do.
        """
        self.model = copy.deepcopy(model)
        if channels_last:
            self.model.to(memory_format=torch.channels_last)
        self.model.bfloat16 = self.model.bfloat16_training = bfloat16
        self.optimizer = build_optimizer(cfg, self.model)

    def train(self, batch: list[dict]) -> None:
        """One training step."""
        self.model.train()
        with EventStorage(0):
            losses = self.model(batch)
        self.optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        self.optimizer.step()

    def detect(self, batch: list[dict]) -> None:
        """Detection in one image after the other, as the predictor does it."""
        with torch.inference_mode():
            for item in batch:
                self.model([item])


def build(config: str) -> tuple[torch.nn.Module, object]:
    """A model with random weights and its config; training steps do all their work but change nothing.

    Raises:
        UserError: no such config.
    """
    fixed = ["MODEL.WEIGHTS", "", "MODEL.DEVICE", "cpu", "SOLVER.BASE_LR", "0.0", "SOLVER.AMP.ENABLED", "False"]
    cfg = load_config(config_file(config), fixed)
    torch.manual_seed(0)
    model = build_model(cfg)
    tame(model)
    return model, cfg


def random_batch(images: int, height: int, width: int) -> list[dict]:
    """Training samples of noise with eight forged boxes each, all of them different."""
    torch.manual_seed(0)
    batch = [sample(height, width) for _ in range(images)]
    for item in batch:
        item["sem_seg"] = item["instances"].gt_complete_mask.tensor[0].long()
    return batch


def compare(config: str, images: int, height: int, width: int, repeats: int, progress: Callable = iter) -> dict:
    """Times training steps and detection in turns over the precisions.

    Args:
        config: name of a config.
        images: in a batch.
        height, width: of an image, pixels.
        repeats: counted rounds, after one that is not counted.
        progress: wraps the iteration over rounds.

    Returns:
        From "training" and "detection" to results by precision ("float32" is the first): "images_per_second" (median)
        and, against the float32 of the same round, "ratio" (median), "ratio_min" and "ratio_max".
    """
    model, cfg = build(config)
    batch = random_batch(images, height, width)
    training = {
        "float32": Subject(model, cfg, bfloat16=False).train,
        "bfloat16": Subject(model, cfg, bfloat16=True).train,
        "bfloat16, channels last": Subject(model, cfg, bfloat16=True, channels_last=True).train,
    }
    results = {"training": _rates(training, batch, repeats, progress)}
    detection = {}
    for name, bfloat16 in (("float32", False), ("bfloat16", True)):
        subject = Subject(model.eval(), cfg, bfloat16=bfloat16)
        prepare(subject.model)
        detection[name] = subject.detect
    results["detection"] = _rates(detection, batch, repeats, progress)
    return results


def _rates(steps: dict[str, Callable], batch: list[dict], repeats: int, progress: Callable) -> dict:
    rounds = []
    for index in progress(range(repeats + 1)):
        times = {name: seconds(step, batch) for name, step in steps.items()}
        if index:
            rounds.append(times)
    results = {}
    for name in steps:
        ratios = [times["float32"] / times[name] for times in rounds]
        results[name] = {
            "images_per_second": len(batch) / statistics.median(times[name] for times in rounds),
            "ratio": statistics.median(ratios),
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
        }
    return results


def profile(config: str, images: int, height: int, width: int, *, bfloat16: bool, rows: int = 15) -> str:
    """Where the time of a training step goes.

    Args:
        config, images, height, width: see :func:`compare`.
        bfloat16: in mixed precision.
        rows: operators that are listed.

    Returns:
        A table of operators, those that take longest first.
    """
    model, cfg = build(config)
    subject, batch = Subject(model, cfg, bfloat16=bfloat16), random_batch(images, height, width)
    subject.train(batch)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        subject.train(batch)
    return profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=rows, max_name_column_width=50)
