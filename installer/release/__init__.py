"""A release: building it, testing it, writing its receipt, comparing it with the signed manifest, starting it."""
