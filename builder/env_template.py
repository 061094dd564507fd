"""The env template (``.env.example``): which settings an application knows, with placeholders.

The lines are those that python-dotenv and POSIX shells both read: ``KEY=value``, ``export ``,
quotes, comments. A value that spans lines is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootstrap.errors import UsageError
from bootstrap.i18n import _

if TYPE_CHECKING:
    from pathlib import Path

PLACEHOLDER = "placeholder"  # stands for a value that the template leaves empty
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_QUOTED = re.compile(r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:#.*)?""")


def read_template(path: Path) -> dict[str, str]:
    """Return the names of an env template with their placeholders; of a name twice the last counts.

    Raises UsageError that names the file and the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            _("The env template {file} cannot be read: {reason}.").format(file=path, reason=error),
            advice=_("Name an existing UTF-8 file in environment.template of the profile."),
        ) from error
    result: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        matched = _LINE.fullmatch(stripped)
        value = _value(matched[2]) if matched else None
        if matched is None or value is None:
            raise UsageError(
                _("{file}, line {number}: not a line of the form KEY=value.").format(file=path, number=number),
                advice=_("Correct the line, or begin it with # to make it a comment."),
            )
        result[matched[1]] = value or PLACEHOLDER
    return result


def _value(text: str) -> str | None:
    """Return what stands after the equals sign, or None when a quote is not closed or has a tail."""
    if text[:1] in ("'", '"'):
        matched = _QUOTED.fullmatch(text)
        if matched is None:
            return None
        return matched[1] if matched[1] is not None else re.sub(r"\\(.)", r"\1", matched[2])
    if text.startswith("#"):
        return ""
    return re.split(r"\s#", text, maxsplit=1)[0].rstrip()
