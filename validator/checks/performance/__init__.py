"""Checks that measure performance, and the thresholds and previous values that they compare with."""
