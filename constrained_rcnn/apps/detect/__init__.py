"""Detecting manipulations in any number of files."""
