"""Advisories on the builder: OSV records → index and safety's files → snapshot; and the gate of a build.

osv (one record) · score (CVSS) · records (an export) · snapshot (the file) · fetch · gate.
"""
