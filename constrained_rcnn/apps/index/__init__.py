"""Indexes of archives: built, added to, and asked which of their images share something with an image."""
