"""The commands of the builder: each parses its options, makes one call and prints the result."""
