"""The ground of both sides, which knows nothing of bundles or installations: errors, languages, what systems refuse."""

__version__ = "0.1.0"
