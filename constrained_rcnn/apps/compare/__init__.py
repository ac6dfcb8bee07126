"""Images compared with each other: what they share, and where versions of one image differ."""
