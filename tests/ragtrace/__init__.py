"""RAGTrace itself, from its repository to a closed host, as its users would do it: ``make ragtrace``."""
