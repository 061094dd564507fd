"""Known vulnerabilities on the host.

kept (which snapshot and exceptions are in force) → update (taking newer ones) · look (scanning by them).
"""
