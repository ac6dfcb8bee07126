"""A page and a JSON API on this machine: images are dropped, detected in one worker process, and forgotten."""
