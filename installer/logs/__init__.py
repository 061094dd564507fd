"""The records of a run: its log, the audit log, whose entries form a hash chain, and the resources that it used."""
