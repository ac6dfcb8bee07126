"""Evaluates MODEL.WEIGHTS on the data sets of DATASETS.TEST, as `train --eval-only` does.

KEY VALUE pairs at the end override config keys: MODEL.WEIGHTS FILE DATASETS.TEST "('casia_v1_test',)" OUTPUT_DIR DIR.
Tables, figures with intervals and an HTML report go to OUTPUT_DIR/inference/.
"""

from __future__ import annotations

import argparse

from .train import add_config_file, add_processes, run

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_file(parser)
    add_processes(parser)
    parser.set_defaults(eval_only=True, resume=False)
