"""safety as a second scanner of the same snapshot, in a separate environment.

Its command line always contacts a server first; its library does not (``safety.safety.check``,
safety 3). Every attempt to connect is refused within the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from bundle.advisories.scanner import Interpreter, Scanner
from bundle.advisories.snapshot import SAFETY_FILES
from bundle.advisories.versions import public
from shared.files import temp_folders
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from bundle.advisories.snapshot import Snapshot

TIMEOUT = 120.0  # seconds; it usually takes 1.5

Hit = tuple[str, str, str]


def find_hits(
    interpreter: Interpreter, snapshot: Snapshot, packages: Collection[tuple[str, str]], *, limit: float
) -> set[Hit]:
    """Return safety's hits as (package, version, advisory), for packages given by name and public version.

    ``interpreter`` is that of the environment that contains safety, ``limit`` is in seconds. Raises ToolError if
    safety fails.
    """
    with temp_folders.scratch() as folder:
        for file in SAFETY_FILES:
            (folder / file).write_bytes(snapshot.member(file))
        return Scanner(interpreter, "run_safety", folder, limit).ask(
            {"packages": sorted(packages), "database": str(folder)},
            lambda hits: {(str(package), str(version), str(advisory)) for package, version, advisory in hits},
            _("safety cannot be run: {reason}"),
        )


@dataclass(frozen=True)
class Opinion:
    """The hits of safety in the scanned packages (names, public versions), and the canaries that it gets wrong."""

    hits: frozenset[Hit]
    blind: tuple[str, ...]


def second_opinion(python: Path, snapshot: Snapshot, installed: Iterable[tuple[str, str]], *, limit: float) -> Opinion:
    """Scan packages, by name and version, and every canary of the snapshot with safety.

    Packages whose version is invalid are omitted: neither scanner can compare it. Raises ToolError if safety fails.
    """
    asked = {(canonicalize_name(name), str(public(version))) for name, version in installed if public(version)}
    canaries = snapshot.canaries()
    wanted = {(canary.package, str(public(canary.version)), canary.id): canary.hit for canary in canaries}
    tested = {(package, version) for package, version, _id in wanted}
    found = find_hits(Interpreter(python), snapshot, asked | tested, limit=limit)
    blind = sorted(f"{hit[0]} {hit[1]} ({hit[2]})" for hit, expected in wanted.items() if (hit in found) != expected)
    return Opinion(frozenset(hit for hit in found if hit[:2] in asked), tuple(blind))


def differences(own: Collection[Hit], other: Collection[Hit]) -> list[str]:
    """Return the hits that only one of two scanners found, as strings."""
    mine, others = set(own), set(other)
    only = [(hit, _("found by the matcher only")) for hit in mine - others] + [
        (hit, _("found by safety only")) for hit in others - mine
    ]
    return [f"{hit[0]} {hit[1]} {hit[2]} ({who})" for hit, who in sorted(only)]
