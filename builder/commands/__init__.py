"""The commands of the builder: each parses, makes one call, renders."""
