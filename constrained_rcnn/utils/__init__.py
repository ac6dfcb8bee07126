"""What every other package stands on: errors, files, locks, provenance. No Torch."""
