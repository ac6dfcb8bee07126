#!/usr/bin/env python3
"""`constrained-rcnn report`: write an evaluation's HTML report from its files."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("report"))
