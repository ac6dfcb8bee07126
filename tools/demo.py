#!/usr/bin/env python3
"""`constrained-rcnn detect`: detect and localise manipulations in images."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("detect"))
