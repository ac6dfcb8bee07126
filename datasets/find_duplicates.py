#!/usr/bin/env python3
"""Lists pictures that two prepared splits share (see datasets/README.md)."""

import sys

from constrained_rcnn.apps.prepare import find_duplicates
from constrained_rcnn.utils.errors import command_line

if __name__ == "__main__":
    sys.exit(command_line(find_duplicates)())
