"""Keypoints, copy-moves and image pairs: NumPy and OpenCV only."""
