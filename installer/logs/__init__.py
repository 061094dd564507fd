"""What a run writes down: its log, the audit log that each entry of is chained to the one before, what it used."""
