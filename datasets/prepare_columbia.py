#!/usr/bin/env python3
"""Prepares Columbia's uncompressed splicing set (see datasets/README.md)."""

import sys

from constrained_rcnn.apps.prepare import prepare_columbia
from constrained_rcnn.utils.errors import command_line

if __name__ == "__main__":
    sys.exit(command_line(prepare_columbia)())
