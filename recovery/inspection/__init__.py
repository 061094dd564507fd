"""Find the faults of an installation, and the files in it that are proven intact, without changing anything."""
