"""Metrics of maps and image scores, and how sure they are (NumPy only)."""
