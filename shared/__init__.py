"""Code that builder and host share, independent of bundles and installations: error types, languages, system errors."""

__version__ = "0.1.0"
