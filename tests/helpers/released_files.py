"""Checkpoints of the released network with known weights, and models that have loaded them."""

from __future__ import annotations

from pathlib import Path

from detectron2.modeling import build_model

from constrained_rcnn.config import load_config
from constrained_rcnn.model_zoo import config_file
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from constrained_rcnn.released.variables import released_variables
from tests.helpers import v2_writer
from tests.helpers.released_weights import weights_for

#: Seeds the golden outputs were made with, by depth.
SEEDS = {50: 7, 101: 3}


def write_released(prefix: Path, depth: int, classes: int = 3, masks: bool = True, **extra) -> None:
    """Writes the checkpoint the original network would have saved with those weights."""
    table = released_variables(depth, classes, masks)
    arrays = {name: weights_for(name, variable.shape, SEEDS[depth]) for name, variable in table.items()}
    v2_writer.write(prefix, {**arrays, **extra})


def released_cfg(depth: int, weights: Path | str, *options: str):
    """The config of the released network, on the CPU, with ``KEY VALUE`` overrides."""
    options = ["MODEL.DEVICE", "cpu", "MODEL.WEIGHTS", str(weights), *options]
    return load_config(config_file(f"constrained_rcnn_R_{depth}_C4_tensorflow.yaml"), options)


def released_model(depth: int, weights: Path | str, *options: str):
    """The released network with converted weights, in evaluation mode."""
    cfg = released_cfg(depth, weights, *options)
    model = build_model(cfg).eval()
    ManipulationCheckpointer(model).load_strictly(cfg.MODEL.WEIGHTS)
    return model
