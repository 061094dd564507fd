"""The commands of the zipapp: each parses, makes one call, renders."""
