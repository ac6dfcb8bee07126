"""Prepares NIST Nimble 2016 for Detectron2."""

from __future__ import annotations

from functools import partial

from ...preparation.published import NIST16
from .published import add_options, prepare

add_arguments = partial(add_options, name="nist16", published=NIST16)
run = partial(prepare, name="nist16")
