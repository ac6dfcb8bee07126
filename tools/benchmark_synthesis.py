#!/usr/bin/env python3
"""`constrained-rcnn benchmark synthesis`: count forgeries per second."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("benchmark synthesis"))
