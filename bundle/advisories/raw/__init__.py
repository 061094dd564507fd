"""The OSV records of a snapshot as they were published, which nothing of ours has compiled."""
