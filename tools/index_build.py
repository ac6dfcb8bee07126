#!/usr/bin/env python3
"""`constrained-rcnn index build`: build an index of an archive, or go on with it."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("index build"))
