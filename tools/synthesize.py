#!/usr/bin/env python3
"""`constrained-rcnn synthesize`: make forgeries with masks from photos."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("synthesize"))
