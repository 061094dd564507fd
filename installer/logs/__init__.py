"""The records of a run: its log, the audit log (a hash chain of entries), and the resources that it used."""
