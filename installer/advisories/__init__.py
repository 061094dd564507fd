"""Known vulnerabilities of what is installed: which knowledge is in force, and scanning by it."""
