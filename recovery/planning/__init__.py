"""Which remedies repair what was found, in which order, and what the operator must provide; changes nothing."""
