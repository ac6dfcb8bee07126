#!/usr/bin/env python3
"""`constrained-rcnn fit-decision`: fit the decision head on whole images."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("fit-decision"))
