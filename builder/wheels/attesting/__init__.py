"""Who published each wheel: attestations (PEP 740), by whom they are believed, and what an index withdraws."""
