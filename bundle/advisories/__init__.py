"""Known vulnerabilities, found with no network: builder and host read the same snapshot with the same code."""
