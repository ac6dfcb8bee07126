"""Checkpoints of tests."""

from __future__ import annotations

import os

from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer


def saved(model, folder, name="model_final", **kwargs):
    ManipulationCheckpointer(model, str(folder), **kwargs).save(name)
    return os.path.join(folder, f"{name}.pth")
