"""The commands of the zipapp: each one parses its options, calls the API, and prints the result and what it means."""
