"""``constrained-rcnn prepare``: published data sets, folders and other tools' lists in the annotation format."""
