#!/usr/bin/env python3
"""`constrained-rcnn evaluate-evidence`: measure how often each witness of the evidence sheet is wrong."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("evaluate-evidence"))
