#!/usr/bin/env python3
"""`constrained-rcnn index query`: find images of an archive that share something with an image."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("index query"))
