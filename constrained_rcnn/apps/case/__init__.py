"""Sealed cases: copies of the files, settings, results and log of one detection, with a digest of each."""
