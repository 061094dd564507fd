"""Whom this host trusts, and what it remembers of what it has accepted.

ownership → places → chain (policies) and memory (counters) → authority (who judges) → admission (may
this bundle be installed here and now).
"""
