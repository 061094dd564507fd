"""The advisories in the format of safety: ``insecure.json`` and ``insecure_full.json``, schema 2.0.0.

The first maps packages to specifier sets, the second to entries with these sets. An entry's id must be of
type ``pyup``: safety stores one entry per package for each such id.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bundle.advisories.specifiers import specifiers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bundle.advisories.index import Advisory

SCHEMA = "2.0.0"
META = {"schema_version": SCHEMA}


def safety_files(packages: Mapping[str, Sequence[Advisory]]) -> tuple[bytes, bytes]:
    """Return both files, omitting what specifiers cannot express (undecided, possible)."""
    brief: dict[str, list[str]] = {}
    full: dict[str, list[dict[str, Any]]] = {}
    for name in sorted(packages):
        entries = [(advisory, specifiers(advisory)) for advisory in packages[name]]
        full[name] = [_entry(advisory, sets) for advisory, sets in entries if sets]
        brief[name] = sorted({text for _advisory, sets in entries for text in sets})
    return _document(brief), _document(full)


def _entry(advisory: Advisory, sets: list[str]) -> dict[str, Any]:
    return {
        "ids": [{"type": "pyup", "id": advisory.id}],
        "specs": sets,
        "advisory": advisory.summary,
        "fixed_versions": list(advisory.fixed),
        "more_info_path": f"/{advisory.id}",
    }


def _document(packages: Mapping[str, Any]) -> bytes:
    found = {"meta": META, "vulnerable_packages": {name: value for name, value in packages.items() if value}}
    return json.dumps(found, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()
