"""Output formats of a report for users and programs, one module each."""
