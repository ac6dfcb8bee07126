"""The exported network beside the model that it comes from: whether results agree, and what each costs, in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from ..inference.onnx_predictor import OnnxPredictor
from ..inference.predictor import ManipulationPredictor
from ..inference.result import ManipulationResult

#: What is timed: the model in float32 and in bfloat16, and the exported network.
RUNS = ("float32", "bfloat16", "ONNX")


def differences(wanted: ManipulationResult, got: ManipulationResult) -> dict[str, float]:
    """Largest absolute differences of two results of one image: "map", "score", "boxes" in pixels.

    "boxes" is infinite where number, finders, techniques or order of the detections differ.
    """
    ours, theirs = ([(d.technique, d.found_by) for d in result.detections] for result in (wanted, got))
    boxes = [(a.box, b.box) for a, b in zip(wanted.detections, got.detections)]
    apart = max((float(np.abs(np.subtract(*pair)).max()) for pair in boxes), default=0.0)
    return {
        "map": float(np.abs(wanted.manipulation_map - got.manipulation_map).max()),
        "score": abs(wanted.score - got.score),
        "boxes": apart if ours == theirs else float("inf"),
    }


def compare(
    cfg, network: str, files: Iterable[Path], *, repeats: int = 3, progress=iter
) -> tuple[list[dict[str, float]], dict[str, dict[str, float]]]:
    """Detects in each file both ways, and times one run of the network over each.

    Args:
        cfg: with MODEL.WEIGHTS, which ``network`` was exported from.
        network: path of an ONNX file.
        files: images.
        repeats: timed runs of each image, after one that is not; the fastest counts.
        progress: wraps the iteration over files.

    Returns:
        :func:`differences` of each file; and of each of ``RUNS`` "seconds", of all images together, and "ratio", its
        median over the images against float32.
    """
    cfg = cfg.clone()
    cfg.defrost()
    cfg.TEST.BFLOAT16, cfg.MODEL.DEVICE = False, "cpu"
    predictor, exported = ManipulationPredictor(cfg), OnnxPredictor(network, torch.get_num_threads())
    found, seconds = [], {name: [] for name in RUNS}
    for file in progress(list(files)):
        wanted = predictor(file)
        found.append(differences(wanted, exported(file)))
        for name, taken in _times(predictor.model, exported, wanted.image, repeats).items():
            seconds[name].append(taken)
    ratios = {name: [a / b for a, b in zip(taken, seconds["float32"])] for name, taken in seconds.items()}
    return found, {
        name: {"seconds": sum(seconds[name]), "ratio": statistics.median(ratios[name])} for name in RUNS if found
    }


def _times(model, exported: OnnxPredictor, image: np.ndarray, repeats: int) -> dict[str, float]:
    """Seconds of one run of the network, whatever the image's size, from its pixels to map and boxes."""
    image = exported.augmentations[0].apply(image)
    height, width = image.shape[:2]
    item = {"height": height, "width": width, "paste_masks": False}
    item["image"] = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
    if model.input_format != "BGR":
        item["image"] = item["image"].flip(0)

    def eager(bfloat16: bool) -> None:
        model.bfloat16 = bfloat16
        with torch.inference_mode():
            model([item])

    runs = {"float32": lambda: eager(False), "bfloat16": lambda: eager(True), "ONNX": lambda: exported.network(image)}
    taken = {name: [] for name in runs}
    for _ in range(repeats + 1):  # in turns, so that what else the machine does meets all alike
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - started)
    model.bfloat16 = False
    return {name: min(values[1:]) for name, values in taken.items()}
