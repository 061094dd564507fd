"""The pages of a static package index: HTML (PEP 503, with PEP 658 and 714), and JSON (PEP 691) beside it.

URLs are relative, so that any web server, or the folder itself as a ``file:`` URL, can be the index.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FILES = "files"  # the folder of the wheels, beside that of the pages
VERSION = "1.1"  # of the repository API (PEP 629, PEP 700)
PAGE = """\
<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="{version}">
<title>{title}</title>
</head>
<body>
<h1>{title}</h1>
{links}
</body>
</html>
"""


@dataclass(frozen=True)
class Wheel:
    """A wheel of the index: package, version, file name, size in bytes, and SHA-256 of it and of its METADATA."""

    package: str
    version: str
    name: str
    size: int
    sha256: str
    metadata_sha256: str
    requires_python: str = ""

    @property
    def url(self) -> str:
        """Return the URL of the wheel, relative to its project's page."""
        return f"../../{FILES}/{quote(self.name)}"


def root_pages(projects: Iterable[str]) -> dict[str, bytes]:
    """Return the pages that list the projects, by file name."""
    names = sorted(projects)
    facts = {"meta": {"api-version": VERSION}, "projects": [{"name": name} for name in names]}
    return _pages("Simple index", [_link(f"{name}/", name) for name in names], facts)


def project_pages(name: str, wheels: Sequence[Wheel]) -> dict[str, bytes]:
    """Return the pages of one project, by file name."""
    facts = {
        "meta": {"api-version": VERSION},
        "name": name,
        "versions": sorted({wheel.version for wheel in wheels}),
        "files": [_file(wheel) for wheel in wheels],
    }
    return _pages(f"Links for {name}", [_wheel_link(wheel) for wheel in wheels], facts)


def _pages(title: str, links: Sequence[str], facts: Mapping[str, Any]) -> dict[str, bytes]:
    text = PAGE.format(version=VERSION, title=html.escape(title), links="\n".join(links))
    return {"index.html": text.encode(), "index.json": f"{json.dumps(facts, indent=1)}\n".encode()}


def _wheel_link(wheel: Wheel) -> str:
    metadata = f"sha256={wheel.metadata_sha256}"
    attributes = {"data-core-metadata": metadata, "data-dist-info-metadata": metadata}  # PEP 714, and its older name
    if wheel.requires_python:
        attributes["data-requires-python"] = wheel.requires_python
    return _link(f"{wheel.url}#sha256={wheel.sha256}", wheel.name, attributes)


def _link(url: str, text: str, attributes: Mapping[str, str] | None = None) -> str:
    more = "".join(f' {name}="{html.escape(value)}"' for name, value in (attributes or {}).items())
    return f'<a href="{html.escape(url)}"{more}>{html.escape(text)}</a><br>'


def _file(wheel: Wheel) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "filename": wheel.name,
        "url": wheel.url,
        "hashes": {"sha256": wheel.sha256},
        "size": wheel.size,
        "core-metadata": {"sha256": wheel.metadata_sha256},
    }
    return {**facts, "requires-python": wheel.requires_python} if wheel.requires_python else facts
