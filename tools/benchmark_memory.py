#!/usr/bin/env python3
"""`constrained-rcnn benchmark memory`: measure memory over images of ever-new sizes."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("benchmark memory"))
