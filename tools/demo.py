#!/usr/bin/env python3
"""Judges images; the same as the command constrained-rcnn."""

import sys

from constrained_rcnn.apps.detect.command import main

if __name__ == "__main__":
    sys.exit(main())
