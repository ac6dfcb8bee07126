#!/usr/bin/env python3
"""`constrained-rcnn prepare casia`: prepare CASIA TIDE v1.0 and v2.0."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("prepare casia"))
