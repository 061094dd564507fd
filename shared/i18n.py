"""The operator's language, through gettext.

It is that of the locale (LC_ALL, LC_MESSAGES, LANG, as in POSIX; the user's UI language on
Windows); RAGTRACE_LANG overrides it. A message that is missing from the catalogue appears in English.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import NullTranslations

DOMAIN = "ragtrace"
LETTERS = {"ko": "한글"}


def preferred_languages() -> list[str]:
    """Return the user's preferred language codes from the environment, best first."""
    override = os.environ.get("RAGTRACE_LANG")
    if override:
        return [override]
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name)
        if value:
            return [value.partition(".")[0]]
    if sys.platform == "win32":  # pragma: no cover - only there
        import ctypes
        import locale

        identifier = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return [locale.windows_locale.get(identifier, "en_US")]
    return []


@lru_cache(maxsize=1)
def translations() -> NullTranslations:
    """Return the catalogue of the user's language, or one that leaves messages unchanged."""
    import gettext

    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "locale")
    languages = [language for language in preferred_languages() if _can_be_written(language)]
    return gettext.translation(DOMAIN, folder, languages=languages, fallback=True)


def _can_be_written(language: str) -> bool:
    """Return whether both streams can encode a language's letters: pipes on Windows use the system's code page."""
    letters = LETTERS.get(language[:2], "")
    try:
        for stream in (sys.stdout, sys.stderr):
            letters.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _(message: str) -> str:
    """Return a message in the operator's language. The caller fills in its placeholders."""
    return translations().gettext(message)


def plural(singular: str, many: str, count: int) -> str:
    """Return the form of a message for a count, in the operator's language."""
    return translations().ngettext(singular, many, count)
