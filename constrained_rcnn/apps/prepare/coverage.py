"""Prepares COVERAGE for Detectron2."""

from __future__ import annotations

from functools import partial

from ...preparation.published import COVERAGE
from .published import add_options, prepare

add_arguments = partial(add_options, name="coverage", published=COVERAGE)
run = partial(prepare, name="coverage")
