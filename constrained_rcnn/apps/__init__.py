"""What the commands do, one module or package each."""
