"""The formats that builder and host share; it imports nothing above it but the errors."""
