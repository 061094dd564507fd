"""The metadata of the project's own wheel: its version, its scripts, and the modules that it installs."""

from __future__ import annotations

import configparser
import re
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from shared.errors import BuildError
from shared.files.zips import BROKEN, readable
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TEXT_LIMIT = 4 << 20  # bytes
SECTIONS = ("console_scripts", "gui_scripts")
_TOP = re.compile(r"(?P<name>[^\W\d]\w*)(/__init__\.py|\.py|(/__init__)?\.[^/]+\.(so|pyd))")
_RUNS = re.compile(r"(?P<name>[^\W\d]\w*)/__main__\.py")


@dataclass(frozen=True)
class OwnWheel:
    """The metadata of a wheel: version, scripts and their targets, top-level modules, those that run, and requirements.

    ``windows`` are the scripts that open a window.
    """

    version: str
    scripts: Mapping[str, str]
    modules: tuple[str, ...]
    runnable: tuple[str, ...]
    requires: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()


def read_own_wheel(path: Path, filename: str) -> OwnWheel:
    """Return the metadata of a wheel. Raises BuildError if it cannot be read."""
    try:
        with readable(path), zipfile.ZipFile(path) as wheel:
            names = wheel.namelist()
            entry_points = _text_of(wheel, "entry_points.txt")
            scripts, windows = read_scripts(entry_points), tuple(read_scripts(entry_points, SECTIONS[1:]))
            metadata = HeaderParser().parsestr(_text_of(wheel, "METADATA"))
    except (*BROKEN, ValueError, configparser.Error) as error:
        raise BuildError(
            _("{file} is not a readable wheel: {reason}.").format(file=filename, reason=str(error).splitlines()[0]),
            advice=_("Fix the project's entry points."),
        ) from error
    version, requires = str(parse_wheel_filename(filename)[1]), tuple(map(str, metadata.get_all("Requires-Dist", [])))
    return OwnWheel(version, scripts, _named(_TOP, names), _named(_RUNS, names), requires, windows)


def _text_of(wheel: zipfile.ZipFile, name: str) -> str:
    """Return a file of a wheel's metadata, or '' if it has none or a larger one than any real wheel."""
    found = [info for info in wheel.infolist() if re.fullmatch(rf"[^/]+\.dist-info/{re.escape(name)}", info.filename)]
    if not found or found[0].file_size > TEXT_LIMIT:
        return ""
    return wheel.read(found[0]).decode("utf-8", "replace")


def read_scripts(text: str, sections: Sequence[str] = SECTIONS) -> dict[str, str]:
    """Return the scripts of an entry_points.txt with their targets. Raises errors of configparser."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read_string(text)
    return {name: value for part in sections if parser.has_section(part) for name, value in parser.items(part)}


def _named(pattern: re.Pattern[str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({matched["name"] for matched in map(pattern.fullmatch, names) if matched}))
