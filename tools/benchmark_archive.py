#!/usr/bin/env python3
"""`constrained-rcnn benchmark archive`: measure an index of an archive: against all pairs, or as it grows."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("benchmark archive"))
