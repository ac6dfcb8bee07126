#!/usr/bin/env python3
"""Prepares any folder of images and masks (see datasets/README.md)."""

import sys

from constrained_rcnn.apps.prepare import prepare_folder
from constrained_rcnn.utils.errors import command_line

if __name__ == "__main__":
    sys.exit(command_line(prepare_folder)())
