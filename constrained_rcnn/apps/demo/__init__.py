"""The demo: forgeries made on the spot, and what the network finds in them."""
