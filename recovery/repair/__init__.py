"""The remedies and their application: intact files are reused, the rest is rebuilt, and the result is tested."""
