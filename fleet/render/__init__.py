"""The table of a fleet as text, JSON, CSV, metrics and one page; every value of a statement is escaped."""
