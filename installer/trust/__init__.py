"""The keys that this host trusts, and its memory of the releases that it has accepted."""
