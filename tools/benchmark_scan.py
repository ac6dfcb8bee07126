#!/usr/bin/env python3
"""`constrained-rcnn benchmark scan`: time Ray's workers against separate processes."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("benchmark scan"))
