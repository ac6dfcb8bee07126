#!/usr/bin/env python3
"""`constrained-rcnn benchmark model`: time the model against Mask R-CNN."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("benchmark model"))
