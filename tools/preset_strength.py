#!/usr/bin/env python3
"""`constrained-rcnn evaluate-presets`: measure how hard a preset's forgeries are for the baselines."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("evaluate-presets"))
