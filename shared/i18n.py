"""The operator's language, through gettext.

The locale decides (LC_ALL, LC_MESSAGES, LANG, as POSIX has it; the user's UI language on
Windows); RAGTRACE_LANG overrides it. A text that is missing from a catalogue shows in English.
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
    """Return the language codes that the user's environment asks for, best first."""
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
    """Return the catalogue of the user's language, or one that leaves texts as they are."""
    import gettext

    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "locale")
    languages = [language for language in preferred_languages() if _can_be_written(language)]
    return gettext.translation(DOMAIN, folder, languages=languages, fallback=True)


def _can_be_written(language: str) -> bool:
    """Return whether both streams hold a language's letters: a pipe of Windows has the code page of the system's."""
    letters = LETTERS.get(language[:2], "")
    try:
        for stream in (sys.stdout, sys.stderr):
            letters.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _(message: str) -> str:
    """Return a message in the operator's language. Placeholders are filled in afterwards."""
    return translations().gettext(message)


def plural(singular: str, many: str, count: int) -> str:
    """Return the form of a message that fits a count, in the operator's language."""
    return translations().ngettext(singular, many, count)
