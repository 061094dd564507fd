"""Functions that schedule validation and monitoring of an installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer.layout.location.finding import find_prefix

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Scheduled:
    """The files that were written or removed, the commands for what they describe, and which of these failed, and why.

    ``done`` is whether the commands were run.
    """

    files: tuple[Path, ...]
    commands: tuple[tuple[str, ...], ...]
    done: bool
    failed: tuple[str, ...] = ()


def schedule_install(
    prefix: Path | None = None,
    *,
    metrics: Path | None = None,
    collector: str = "",
    enable: bool = False,
    dry_run: bool = False,
) -> Scheduled:
    """Write what runs ``validate --quick`` and, with a folder for ``metrics``, ``monitor`` regularly.

    Nothing is started without ``enable``. Raises HostError if this host has no scheduler.
    """
    from installer.monitoring import schedule

    found = find_prefix(prefix)
    plan = schedule.Plan(found, metrics.absolute() if metrics is not None else None, collector)
    paths = schedule.planned(plan) if dry_run else schedule.install(plan)
    commands = schedule.commands(found, paths, start=True)
    enable = enable and not dry_run
    failed = [reason for argv in commands if (reason := schedule.failure(argv))] if enable else []
    return Scheduled(tuple(paths), tuple(map(tuple, commands)), enable, tuple(failed))


def schedule_remove(prefix: Path | None = None, *, dry_run: bool = False) -> Scheduled:
    """Stop and remove what ``schedule_install`` wrote."""
    from installer.monitoring import schedule

    found = find_prefix(prefix, allow_uninstalled=True)
    paths = schedule.existing(found)
    commands = tuple(map(tuple, schedule.commands(found, paths, start=False)))
    if dry_run:
        return Scheduled(tuple(paths), commands, done=False)
    failed = schedule.remove(found, paths)
    return Scheduled(tuple(paths), commands, done=True, failed=tuple(failed))
