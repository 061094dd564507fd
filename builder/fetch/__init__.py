"""Fetching files from the network, with every byte hashed, and the cache of them."""
