#!/usr/bin/env python3
"""`constrained-rcnn evaluate-predictions`: evaluate manipulation maps of any tool."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("evaluate-predictions"))
