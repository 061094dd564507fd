"""From a diagnosis to a repaired release."""
