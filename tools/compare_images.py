#!/usr/bin/env python3
"""`constrained-rcnn compare`: compare images: near-duplicates, shared regions, altered regions."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("compare"))
