#!/usr/bin/env python3
"""`constrained-rcnn calibrate`: choose the operating points on authentic images and store them in the checkpoint."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("calibrate"))
