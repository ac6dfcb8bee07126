#!/usr/bin/env python3
"""`constrained-rcnn index add`: add images to an index."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("index add"))
