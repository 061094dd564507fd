"""Known vulnerabilities, found with no network: builder and host read the same snapshot with the same code.

versions (intervals) → index (records by package) → matcher (what hits) → severity (what it means) ·
snapshot (the file that travels) · exceptions (what somebody answers for) · safety (a second scanner) ·
vex (findings for other tools).
"""
