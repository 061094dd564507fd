"""Real applications that nobody here wrote, from their checkouts to a closed host and away again."""
