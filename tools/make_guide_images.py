#!/usr/bin/env python3
"""`constrained-rcnn guide-images`: make the images of docs/ again."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("guide-images"))
