"""Choose the remedies for the findings, their order, and what the operator must provide, without changing anything."""
