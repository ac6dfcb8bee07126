"""Evidence sheets: what several independent witnesses say about each image."""
