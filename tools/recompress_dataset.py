#!/usr/bin/env python3
"""`constrained-rcnn recompress`: write a data set again with every image compressed alike."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("recompress"))
