"""Counted nouns in the right plural form, for sentences that count more than one kind of thing."""

from __future__ import annotations

from shared.i18n import plural


def files(count: int) -> str:
    """Return a count in words, for example ``3 files``."""
    return plural("{count} file", "{count} files", count).format(count=count)


def packages(count: int) -> str:
    """Return a count in words, for example ``3 packages``."""
    return plural("{count} package", "{count} packages", count).format(count=count)


def models(count: int) -> str:
    """Return a count in words, for example ``3 models``."""
    return plural("{count} model", "{count} models", count).format(count=count)


def days(count: int) -> str:
    """Return a count in words, for example ``3 days``."""
    return plural("{count} day", "{count} days", count).format(count=count)


def vulnerabilities(count: int) -> str:
    """Return a count in words, for example ``3 known vulnerabilities``."""
    return plural("{count} known vulnerability", "{count} known vulnerabilities", count).format(count=count)
