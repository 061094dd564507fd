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
    from collections.abc import Sequence
    from gettext import NullTranslations
    from typing import Self

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


class Message(str):
    """A text in the operator's language that also has its English text, which logs contain whoever runs a command.

    ``template`` is the English message before its placeholders were filled in.
    """

    __slots__ = ("english", "template")
    english: str
    template: str

    def __new__(cls, text: str, english: str = "", template: str = "") -> Self:
        """Create a message; without ``template``, the English text is the template."""
        message = super().__new__(cls, text)
        message.english = english
        message.template = template or english
        return message

    @property
    def id(self) -> str:
        """The identifier of the message, the same in every language and for all values of its placeholders."""
        return identifier(self.template)

    def format(self, *values: object, **named: object) -> Message:
        """Fill in the placeholders of both texts."""
        in_english = [english(value) for value in values], {name: english(value) for name, value in named.items()}
        text = super().format(*values, **named)
        return Message(text, self.english.format(*in_english[0], **in_english[1]), self.template)

    def __add__(self, other: str) -> Message:
        return Message(super().__add__(other), self.english + str(english(other)), self.template)

    def __radd__(self, other: str) -> Message:
        return Message(other + str(self), other + self.english, self.template)

    def rstrip(self, characters: str | None = None, /) -> Message:
        """Strip the ends of both texts."""
        return Message(super().rstrip(characters), self.english.rstrip(characters), self.template)


def _(message: str) -> str:
    """Return a message in the operator's language. The caller fills in its placeholders."""
    return Message(translations().gettext(message), message)


def plural(singular: str, many: str, count: int) -> str:
    """Return the form of a message for a count, in the operator's language."""
    return Message(translations().ngettext(singular, many, count), singular if count == 1 else many, singular)


def composed(template: str, **parts: object) -> str:
    """Return a text made from messages, like an f-string, which would lose their English text."""
    found = Message(template, template).format(**parts)
    found.template = next((part.template for part in parts.values() if isinstance(part, Message)), template)
    return found


def joined(separator: str, texts: Sequence[str]) -> str:
    """Return messages as one text, like ``str.join``, which would lose their English text."""
    template = next((text.template for text in texts if isinstance(text, Message)), "")
    return Message(separator.join(texts), separator.join(str(english(text)) for text in texts), template)


def english(value: object) -> object:
    """Return the English text of a message, or of an error that has one, and any other value as it is."""
    return getattr(value, "english", value)


def identifier(template: str) -> str:
    """Return eight hex digits for a template."""
    import hashlib

    return hashlib.sha256(template.encode()).hexdigest()[:8]
