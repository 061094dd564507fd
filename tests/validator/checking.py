"""Running one check on a prefix, as the runner does."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from typing import TYPE_CHECKING

from shared.terminal.progress import NoProgress
from validator.checks.performance import measured
from validator.remedy import decide_remedies
from validator.runner import results_of
from validator.subject import Subject, subject_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from installer.layout.prefix import Prefix
    from validator.check import Check, CheckResult


def look_all(kind: type[Check], prefix: Prefix | None, limit: float | None = None) -> list[CheckResult]:
    """Return all results of a check, with what helps."""
    subject = subject_of(prefix) if prefix else Subject()
    return decide_remedies(results_of(kind(limit), subject), subject, NoProgress())


def look(kind: type[Check], prefix: Prefix | None, limit: float | None = None) -> CheckResult:
    """Return the only result of a check."""
    (result,) = look_all(kind, prefix, limit)
    return result


def release_of(prefix: Prefix):
    """Return the active release, which must be there."""
    release = prefix.active()
    assert release is not None
    return release


def site_of(prefix: Prefix) -> Path:
    """Return the active release's site-packages."""
    release = release_of(prefix)
    return release.site_packages(release.manifest().target.python)


def change(path: Path, data: bytes) -> None:
    """Give a file other bytes and the same rights, in a file of its own: what it was hard-linked to stays."""
    beside = path.with_name(path.name + ".other")
    beside.write_bytes(data)
    with contextlib.suppress(FileNotFoundError):
        shutil.copymode(path, beside)
    os.replace(beside, path)


def snapshot(root: Path) -> dict[str, tuple[object, ...]]:
    """Return what tells whether anything below a folder was touched, its logs aside."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, root)
            if not relative.startswith("state"):
                status = os.lstat(path)
                found[relative] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino)
    return found


def take_any_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every measurement hold its threshold, however busy this machine is."""
    for name, bound in measured.DEFAULTS.items():
        anything = measured.Bound(0.0 if bound.at_least else math.inf, at_least=bound.at_least)
        monkeypatch.setitem(measured.DEFAULTS, name, anything)
