"""Getting files of the network, each byte of them hashed, and what is kept of them."""
