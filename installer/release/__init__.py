"""A release: building it, trying it out, writing its receipt, comparing it with the signed manifest, starting it."""
