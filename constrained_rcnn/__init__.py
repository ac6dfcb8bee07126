"""Constrained R-CNN: image manipulation detection and localisation on Detectron2.

Public names are loaded when they are first used, so that importing the package takes no time and touches no disk.
"""

from __future__ import annotations

from .utils import moved_modules
from .utils.lazy_names import lazy_names

__version__ = "0.1.0"

#: Public name -> module that defines it.
_PUBLIC = {
    "ManipulationPredictor": "inference.predictor",
    "ManipulationResult": "inference.result",
    "UserError": "utils.errors",
    "add_constrained_rcnn_config": "config",
    "compare": "matching.image_pairs",
    "config_file": "model_zoo",
    "describe": "matching.image_pairs",
    "find_repeats": "matching.copy_move",
    "load_config": "config",
    "read_image": "images.reading",
    "register_dataset": "data.catalog",
    "register_internal": "data.catalog",
}

__all__ = ["__version__", *_PUBLIC]

moved_modules.install()

__getattr__, __dir__ = lazy_names(__name__, _PUBLIC)
