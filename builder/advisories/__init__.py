"""Known vulnerabilities in the builder: importing and signing advisories, and the gate of a build."""
