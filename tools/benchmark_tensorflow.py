#!/usr/bin/env python3
"""`constrained-rcnn benchmark released`: time the released network against Mask R-CNN, and in bfloat16."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("benchmark released"))
