#!/usr/bin/env python3
"""`constrained-rcnn evaluate-copy-move`: count how often duplicated regions are found."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("evaluate-copy-move"))
