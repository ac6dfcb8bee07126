#!/usr/bin/env python3
"""`constrained-rcnn serve`: open a page to drop images on, and a JSON API, on this machine."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("serve"))
