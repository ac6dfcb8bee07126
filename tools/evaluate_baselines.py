#!/usr/bin/env python3
"""`constrained-rcnn evaluate-baselines`: evaluate maps that need no training."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("evaluate-baselines"))
