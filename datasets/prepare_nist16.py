#!/usr/bin/env python3
"""Prepares NIST Nimble 2016 (see datasets/README.md)."""

import sys

from constrained_rcnn.apps.prepare import prepare_nist16
from constrained_rcnn.utils.errors import command_line

if __name__ == "__main__":
    sys.exit(command_line(prepare_nist16)())
