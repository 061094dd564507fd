"""The commands of the zipapp: each one parses its options, makes one API call and prints the result."""
