"""COCO average precision, and how sure it is."""
