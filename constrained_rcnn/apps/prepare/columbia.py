"""Prepares Columbia's uncompressed splicing set for Detectron2. It is for testing only."""

from __future__ import annotations

from functools import partial

from ...preparation.published import COLUMBIA
from .published import add_options, prepare

add_arguments = partial(add_options, name="columbia", published=COLUMBIA)
run = partial(prepare, name="columbia")
