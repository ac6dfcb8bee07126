"""Prepares RGB-N's synthetic set of COCO objects for Detectron2."""

from __future__ import annotations

from functools import partial

from ...preparation.published import COCO_SYNTHETIC
from .published import add_options, prepare

add_arguments = partial(add_options, name="coco_synthetic", published=COCO_SYNTHETIC, masks=False)
run = partial(prepare, name="coco_synthetic", masks=False)
