"""Fetching files from the network, hashing every byte, and the cache of fetched files."""
