#!/usr/bin/env python3
"""`constrained-rcnn compare-runs`: test whether two evaluations differ (paired bootstrap)."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("compare-runs"))
