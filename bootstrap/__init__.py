"""What runs on the closed host: verify, install, activate, roll back."""

__version__ = "0.1.0"
