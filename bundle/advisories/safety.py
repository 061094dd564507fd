"""safety as a second scanner over the same snapshot, in an environment of its own.

Its command line asks a server before it does anything; its library does not (``safety.safety.check``,
safety 3). A stored credential would make it take another database in silence, so it runs with no variable
of the caller and an empty home; every attempt to connect is refused within the process.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from bundle import strict
from bundle.advisories.snapshot import SAFETY_FILES
from bundle.advisories.versions import public
from shared.errors import ToolError
from shared.files import trials
from shared.i18n import _
from shared.processes import process

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from bundle.advisories.snapshot import Snapshot

TIMEOUT = 120.0  # seconds; it takes one and a half
MARK = "ragtrace-answer "
KEPT = ("SYSTEMROOT", "WINDIR", "NUMBER_OF_PROCESSORS")
SCRIPT = """
import json, socket, sys

def refuse(*_arguments, **_more):
    raise OSError("no network here")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
asked = json.load(sys.stdin)
from types import SimpleNamespace
from safety.models import Package, SafetyRequirement
from safety.safety import check

platform = SimpleNamespace(
    api_key=None, get_authentication_type=lambda: None, is_using_auth_credentials=lambda: False
)
packages = [
    Package(name=name, version=version, requirements=[SafetyRequirement(f"{name}=={version}")])
    for name, version in asked["packages"]
]
found, _database = check(
    auth=SimpleNamespace(platform=platform), packages=packages, db_mirror=asked["database"], ignore_vulns={},
    telemetry=False,
)
hits = sorted({(one.package_name, one.analyzed_version, one.vulnerability_id) for one in found})
sys.__stdout__.write("\\nragtrace-answer " + json.dumps(hits) + "\\n")
"""

Hit = tuple[str, str, str]


def find_hits(
    python: Path,
    snapshot: Snapshot,
    packages: Collection[tuple[str, str]],
    *,
    limit: float,
    write_bytecode: bool = False,
) -> set[Hit]:
    """Return what safety finds: (package, version, advisory), for names and public versions.

    ``python`` is the interpreter of the environment that holds safety, ``limit`` is in seconds;
    ``write_bytecode`` lets it add to that environment. Raises ToolError when it cannot say.
    """
    options = ["-I"] if write_bytecode else ["-I", "-B"]
    with trials.scratch() as folder:
        for file in SAFETY_FILES:
            (folder / file).write_bytes(snapshot.member(file))
        asked = {"packages": sorted(packages), "database": str(folder)}
        ended = process.run(
            [str(python), *options, "-c", SCRIPT],
            env=environment(folder),
            cwd=folder,
            timeout=limit,
            stdin=json.dumps(asked).encode(),
        )
    answer = next((line[len(MARK) :] for line in ended.stdout.splitlines() if line.startswith(MARK)), None)
    if not ended.ok or answer is None:
        lines = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
        reason = _("it timed out") if ended.timed_out else (lines[-1] if lines else _("no message"))
        raise ToolError(_("safety cannot be run: {reason}").format(reason=reason[:300]))
    try:
        return {(str(package), str(version), str(advisory)) for package, version, advisory in strict.parse(answer)}
    except (ValueError, TypeError) as error:
        raise ToolError(_("safety cannot be run: {reason}").format(reason=str(error)[:300])) from error


@dataclass(frozen=True)
class Opinion:
    """What safety finds in some packages (names, public versions), and the canaries that it judges wrongly."""

    hits: frozenset[Hit]
    blind: tuple[str, ...]


def second_opinion(python: Path, snapshot: Snapshot, installed: Iterable[tuple[str, str]], *, limit: float) -> Opinion:
    """Ask safety about packages by name and version, and about every canary of the snapshot.

    Versions that are none are left out: neither scanner can compare them. Raises ToolError when it cannot say.
    """
    asked = {(canonicalize_name(name), str(public(version))) for name, version in installed if public(version)}
    canaries = snapshot.canaries()
    wanted = {(canary.package, str(public(canary.version)), canary.id): canary.hit for canary in canaries}
    tested = {(package, version) for package, version, _id in wanted}
    found = find_hits(python, snapshot, asked | tested, limit=limit)
    blind = sorted(f"{hit[0]} {hit[1]} ({hit[2]})" for hit, expected in wanted.items() if (hit in found) != expected)
    return Opinion(frozenset(hit for hit in found if hit[:2] in asked), tuple(blind))


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of a scanner: nothing of the caller's but what a program needs to start."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    homes = dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TMPDIR", "TEMP", "TMP"), str(folder))
    return {**kept, **homes, "PATH": "", "PYTHONUTF8": "1"}


def differences(own: Collection[Hit], other: Collection[Hit]) -> list[str]:
    """Return what only one of two scanners found, as texts."""
    mine, others = set(own), set(other)
    only = [(hit, _("found by the matcher only")) for hit in mine - others] + [
        (hit, _("found by safety only")) for hit in others - mine
    ]
    return [f"{hit[0]} {hit[1]} {hit[2]} ({who})" for hit, who in sorted(only)]
