#!/usr/bin/env python3
"""The old name of compare_images.py; it ends with the next release."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("compare", new="compare_images.py"))
