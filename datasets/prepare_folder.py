#!/usr/bin/env python3
"""`constrained-rcnn prepare folder`: prepare any folder of images and masks."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("prepare folder"))
