#!/usr/bin/env python3
"""`constrained-rcnn scan`: detect in very many files, on a machine or a cluster, to Parquet."""

import sys

from constrained_rcnn.apps.cli import front

if __name__ == "__main__":
    sys.exit(front("scan"))
