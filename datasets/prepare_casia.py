#!/usr/bin/env python3
"""Prepares CASIA TIDE v1.0 or v2.0 (see datasets/README.md)."""

import sys

from constrained_rcnn.apps.prepare import prepare_casia
from constrained_rcnn.utils.errors import command_line

if __name__ == "__main__":
    sys.exit(command_line(prepare_casia)())
