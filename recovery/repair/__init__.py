"""The remedies, and how each is applied: what is whole is reused, the rest is made, and what was made is tried."""
