#!/usr/bin/env python3
"""`constrained-rcnn benchmark training`: count images per second in training and detection."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("benchmark training"))
