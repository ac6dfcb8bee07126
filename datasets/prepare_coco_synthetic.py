#!/usr/bin/env python3
"""Prepares RGB-N's synthetic set of COCO objects (see datasets/README.md)."""

import sys

from constrained_rcnn.apps.prepare import prepare_coco_synthetic
from constrained_rcnn.utils.errors import command_line

if __name__ == "__main__":
    sys.exit(command_line(prepare_coco_synthetic)())
