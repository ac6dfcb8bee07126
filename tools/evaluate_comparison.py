#!/usr/bin/env python3
"""`constrained-rcnn evaluate-comparison`: count how often image comparison finds originals and sources."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("evaluate-comparison"))
