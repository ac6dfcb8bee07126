#!/usr/bin/env python3
"""`constrained-rcnn prepare coco-synthetic`: prepare RGB-N's synthetic set of COCO objects."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("prepare coco-synthetic"))
