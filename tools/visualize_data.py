#!/usr/bin/env python3
"""`constrained-rcnn visualize`: draw a data set's images, masks and boxes."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("visualize"))
