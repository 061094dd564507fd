"""Which remedies mend what was found, in which order, and what only the operator can bring; nothing is changed here."""
