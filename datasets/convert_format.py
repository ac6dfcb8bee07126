#!/usr/bin/env python3
"""Reads and writes the formats of IMDL-BenCo, MVSS-Net, TruFor and CAT-Net (see datasets/README.md)."""

import sys

from constrained_rcnn.apps.prepare import convert_format
from constrained_rcnn.utils.errors import command_line

if __name__ == "__main__":
    sys.exit(command_line(convert_format)())
