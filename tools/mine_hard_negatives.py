#!/usr/bin/env python3
"""`constrained-rcnn mine-hard-negatives`: make a training set of crops that cause false alarms."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("mine-hard-negatives"))
