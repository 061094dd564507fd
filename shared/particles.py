"""Korean particles: which form fits is known when the placeholders of a message are filled in.

A translation has both forms, as Korean software writes them: ``{path}을(를)``. Which one is right hangs on whether the
word before it ends in a consonant; 로 follows ㄹ too. Words in Latin letters and digits count as they are read aloud.
"""

from __future__ import annotations

import re
from typing import Any

# both forms: the one after a consonant, the one after a vowel
FORMS = {
    "을(를)": ("을", "를"),
    "이(가)": ("이", "가"),
    "은(는)": ("은", "는"),
    "과(와)": ("과", "와"),
    "와(과)": ("과", "와"),
    "(으)로": ("으로", "로"),
    "(이)": ("이", ""),
}
BOTH = re.compile("|".join(map(re.escape, FORMS)))
PLACEHOLDER = re.compile(r"(?:\}|%(?:\([a-z_]+\))?[a-z])$")
ASIDE = re.compile(r"\s*\([^()]*\)$")  # a remark in brackets is not read with the particle
CLOSING = "\"'`’”》」』]>"
NONE, RIEUL, OTHER = range(3)  # how a word ends: in a vowel, in ㄹ, in another consonant
DIGITS = dict(zip("0123456789", (OTHER, RIEUL, NONE, OTHER, NONE, NONE, OTHER, RIEUL, RIEUL, NONE)))
NAMES = {"L": RIEUL, "R": RIEUL, "M": OTHER, "N": OTHER}  # letters read one by one: 엘, 알, 엠, 엔
SPELLED = 4  # letters, at most, of capitals that are read one by one
READ_AS_CONSONANT = re.compile(r"(?:[mn]|ng|[aeiou][kptc]|ck)$")
SYLLABLES, FINALS, FINAL_RIEUL = 0xAC00, 28, 8  # Unicode, 3.12 "Conjoining Jamo Behavior"


class Text(str):
    """A translation with particles to choose, which it does when it is filled in."""

    __slots__ = ()

    def format(self, *values: Any, **named: Any) -> str:
        return chosen(str.format(self, *values, **named))

    def __mod__(self, values: Any) -> str:
        return chosen(str.__mod__(self, values))


def prepared(text: str) -> str:
    """Return a translation whose particles are chosen: now, or after a placeholder when it is filled in."""
    if BOTH.search(text) is None:
        return text
    text = chosen(text, but=PLACEHOLDER)
    return text if BOTH.search(text) is None else Text(text)


def chosen(text: str, but: re.Pattern[str] | None = None) -> str:
    """Return a text with the fitting form of each particle, except after what ``but`` matches."""
    done = ""
    last = 0
    for found in BOTH.finditer(text):
        done += text[last : found.start()]
        last = found.end()
        if but is not None and but.search(done):
            done += found.group()
            continue
        end = ending_of(done)
        after, bare = FORMS[found.group()]
        done += after if end == OTHER or (end == RIEUL and found.group() != "(으)로") else bare
    return done + text[last:]


def ending_of(text: str) -> int:
    """Return how the last word of a text ends when it is read aloud."""
    text = text.rstrip(CLOSING)
    text = (ASIDE.sub("", text) or text).rstrip(CLOSING)
    last = text[-1:]
    if "가" <= last <= "힣":
        final = (ord(last) - SYLLABLES) % FINALS
        return NONE if final == 0 else RIEUL if final == FINAL_RIEUL else OTHER
    if last in DIGITS:
        return DIGITS[last]
    word = re.search(r"[A-Za-z]*$", text)
    letters = word.group() if word else ""
    if letters.isupper() and len(letters) <= SPELLED:
        return NAMES.get(letters[-1], NONE)
    if letters.lower().endswith("l"):
        return RIEUL
    return OTHER if READ_AS_CONSONANT.search(letters.lower()) else NONE
