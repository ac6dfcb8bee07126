"""Installs Detectron2 0.6 for the interpreter that runs this, without its compiled extension.

A Detectron2 that works already is left alone.
"""

from __future__ import annotations

import argparse

from ...install.detectron2 import add_arguments, install

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    return install(args.archive)
