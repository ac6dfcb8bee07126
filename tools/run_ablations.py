#!/usr/bin/env python3
"""`constrained-rcnn ablate`: train with one part left out at a time."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("ablate"))
