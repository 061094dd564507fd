"""Known vulnerabilities of installed packages: the advisories in force, and scans against them."""
