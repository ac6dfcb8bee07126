#!/usr/bin/env python3
"""`constrained-rcnn demo`: detect forgeries that are made on the spot."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("demo"))
