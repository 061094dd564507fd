"""Known vulnerabilities on the builder's side: taken in, signed, and what a build lets pass."""
