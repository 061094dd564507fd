"""The records of a run: its log, the audit log (a hash chain of entries), the resources that it used; whose they are.

Whose: the identity of the installation, and the key with which it signs statements for a centre.
"""
