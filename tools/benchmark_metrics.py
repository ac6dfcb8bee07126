#!/usr/bin/env python3
"""`constrained-rcnn benchmark metrics`: time the pixel metrics against scikit-learn."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("benchmark metrics"))
