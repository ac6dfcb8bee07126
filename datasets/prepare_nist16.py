#!/usr/bin/env python3
"""`constrained-rcnn prepare nist16`: prepare NIST Nimble 2016."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("prepare nist16"))
