#!/usr/bin/env python3
"""`constrained-rcnn evidence`: write a sheet of independent witnesses for each image."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("evidence"))
