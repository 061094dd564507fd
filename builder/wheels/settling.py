"""Conflicts between wheels: files that several install with different contents, of which the profile names the winner.

A profile names a file as its user knows it, the same for all targets: below site-packages by its path there, a script
as ``bin/NAME``, anything else by its path in the environment. A path that ends with ``/`` stands for all files below.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from typing import TYPE_CHECKING

from builder.project.toml_file import quoted
from builder.wheels.wheels import as_build_error
from bundle.product.conflict import Conflict
from bundle.wheels import overlaps
from shared.errors import BuildError
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from builder.lock.locked import LockedWheel
    from bundle.target import Target
    from bundle.wheels.files import Environment
    from bundle.wheels.overlaps import Overlap
    from shared.terminal.progress import Progress

SHOWN = 3  # paths of one pair of wheels in a message


class Settling:
    """The conflicts of a build's targets. ``winners`` is the profile's table, path → package."""

    def __init__(self, winners: Mapping[str, str], progress: Progress) -> None:
        self.winners, self.progress = winners, progress
        self.used: set[str] = set()

    def settle(self, target: Target, wheels: Mapping[LockedWheel, Path]) -> tuple[Conflict, ...]:
        """Return the conflicts between a target's wheels, with their winners, sorted by path.

        Reports the files that several wheels install with the same contents. Raises BuildError, with the lines for the
        profile, if it does not name the winner of each conflict, and if the wheels cannot be installed together.
        """
        environment = overlaps.environment_of(target.python, target.platform)
        by_name = {wheel.filename: wheel for wheel in wheels}
        with as_build_error():
            rows = [(path, wheel.filename) for wheel, path in wheels.items()]
            found = overlaps.find(rows, target.python, platform=target.platform)
        self._tell_same(found, environment)
        settled, open_ones = [], {}
        for overlap in found:
            owners = sorted((by_name[name] for name in overlap.wheels), key=lambda wheel: wheel.name)
            if not overlap.is_same:
                shown = name_of(overlap.path, environment)
                winner = self._winner(shown, [wheel.name for wheel in owners])
                if winner is None:
                    open_ones[shown] = tuple(owners)
                else:
                    inner = overlap.path[len(overlaps.ROOT) + 1 :]
                    settled.append(Conflict(inner, tuple(wheel.name for wheel in owners), winner))
        if open_ones:
            raise refusal(open_ones)
        return tuple(sorted(settled, key=lambda conflict: conflict.path))

    def report_unused(self) -> None:
        """Warn about lines of the profile that no target needs."""
        for key in sorted(self.winners.keys() - self.used):
            text = _(
                "The profile decides whose {path} is installed (wheels.conflicts), but no wheels conflict over it."
            )
            self.progress.warn(text.format(path=key))

    def _winner(self, path: str, owners: list[str]) -> str | None:
        """Return the package that the profile names for a path: the longest entry that fits, else None."""
        fitting = [key for key in self.winners if key == path or (key.endswith("/") and path.startswith(key))]
        if not fitting:
            return None
        key = max(fitting, key=len)
        self.used.add(key)
        if self.winners[key] not in owners:
            raise BuildError(
                _("The profile names {name} for {path}, which is a file of {owners}.").format(
                    name=self.winners[key], path=path, owners=", ".join(owners)
                ),
                advice=_("Fix the line for {key} in [wheels.conflicts].").format(key=quoted(key)),
            )
        return self.winners[key]

    def _tell_same(self, found: Iterable[Overlap], environment: Environment) -> None:
        same = [name_of(overlap.path, environment) for overlap in found if overlap.is_same]
        if same:
            text = plural(
                "{count} file is in more than one wheel, with the same contents: {names}",
                "{count} files are in more than one wheel, each with the same contents: {names}",
                len(same),
            )
            self.progress.step(text.format(count=len(same), names=_some(same)))


def name_of(path: str, environment: Environment) -> str:
    """Return the name in a profile of a path in a release."""
    for folder, start in ((environment.site, ""), (environment.scripts, "bin/")):
        if path.startswith(f"{folder}/"):
            inner = path[len(folder) + 1 :]
            return start + (inner.removesuffix(".exe") if start and environment.is_windows else inner)
    return path[len(environment.root) + 1 :]


def refusal(conflicts: Mapping[str, tuple[LockedWheel, ...]]) -> BuildError:
    """Return the error for conflicts without a winner: a sentence for each group of wheels, and lines for the profile.

    Several files in one folder need one line.
    """
    groups: dict[tuple[LockedWheel, ...], list[str]] = defaultdict(list)
    for path, owners in sorted(conflicts.items()):
        groups[owners].append(path)
    sentences, lines = [], []
    for owners, paths in groups.items():
        named = ", ".join(f"{wheel.name} {wheel.version}" for wheel in owners)
        text = plural(
            "{packages} install different files under one name: {names}.",
            "{packages} install different files under {count} names: {names}.",
            len(paths),
        )
        sentences.append(text.format(packages=named, count=len(paths), names=_some(paths)))
        lines += [f"{quoted(key)} = {quoted(owners[0].name)}" for key in _keys(paths)]
    return BuildError(
        *sentences,
        "[wheels.conflicts]",
        *lines,
        advice=_(
            "Remove one of the packages, or add the lines above to the profile, with the package whose files are to "
            "be installed."
        ),
    )


def _keys(paths: Iterable[str]) -> list[str]:
    """Return the keys for a profile: a path for one file, the folder that they share for several."""
    tops: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        tops[path.partition("/")[0]].append(path)
    return [inside[0] if len(inside) == 1 else f"{posixpath.commonpath(inside)}/" for inside in tops.values()]


def _some(paths: list[str]) -> str:
    return ", ".join([*paths[:SHOWN], *(["…"] if len(paths) > SHOWN else [])])
