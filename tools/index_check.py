#!/usr/bin/env python3
"""`constrained-rcnn index check`: check an index, and list what could not be indexed."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("index check"))
