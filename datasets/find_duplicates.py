#!/usr/bin/env python3
"""`constrained-rcnn prepare find-duplicates`: list images that two prepared splits share."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("prepare find-duplicates"))
