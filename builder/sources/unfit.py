"""Files of a project that cannot be bundled: left out with a warning, unless the application needs them.

It needs the packages that its launchers and core imports name, the scripts of its launchers, and whatever
``source.include`` of the profile selects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from builder.sources.patterns import matches
from bundle import names
from shared.errors import BuildError
from shared.i18n import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from builder.project.profile import Profile
    from shared.terminal.progress import Progress

SHOWN = 8  # file names in a warning
REFUSED = 50  # sentences of one refusal


@dataclass
class Findings:
    """The refusals of a project's files, each with its advice, and the files that are left out, by reason."""

    refusals: list[tuple[str, str]] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def refuse(self, what: str, advice: str) -> None:
        """Add a sentence to the refusal."""
        self.refusals.append((what, advice))

    def leave_out(self, path: str, reason: str) -> None:
        """Add a file to those that are left out."""
        self.left_out.setdefault(reason, []).append(path)

    def report(self, progress: Progress) -> None:
        """Warn of all files that are left out; raise BuildError with all refusals, if any."""
        for reason, paths in self.left_out.items():
            text = plural(
                "{count} file is not included: {names}: {reason}.",
                "{count} files are not included: {names}: {reason}.",
                len(paths),
            )
            progress.warn(text.format(count=len(paths), names=some(sorted(paths)), reason=reason))
        if not self.refusals:
            return
        sentences = [what for what, _advice in self.refusals[:REFUSED]]
        more = len(self.refusals) - len(sentences)
        if more:
            sentences.append(plural("{count} more problem.", "{count} more problems.", more).format(count=more))
        advice = " ".join(dict.fromkeys(advice for _what, advice in self.refusals))
        raise BuildError(*sentences, advice=advice)


def some(paths: Sequence[str]) -> str:
    """Return the first paths of a list, for a warning."""
    return ", ".join([*paths[:SHOWN], *(["…"] if len(paths) > SHOWN else [])])


class Needs:
    """The files that an application needs, according to its profile."""

    def __init__(self, profile: Profile) -> None:
        application = profile.application
        modules = set(application.core_imports)
        modules |= {one.target.partition(":")[0] for one in application.launchers if one.kind in ("entry", "module")}
        folders = ["" if folder == "." else f"{folder}/" for folder in application.import_paths]
        self.packages = {f"{folder}{module.partition('.')[0]}" for folder in folders for module in modules}
        self.scripts = {one.target for one in application.launchers if one.kind == "script"}
        self.include = profile.include

    def __contains__(self, path: str) -> bool:
        parts = path.split("/")
        above = {"/".join(parts[:count]) for count in range(1, len(parts))}
        in_package = path.removesuffix(".py") in self.packages or not above.isdisjoint(self.packages)
        return in_package or path in self.scripts or matches(path, self.include)


def clashes(paths: Iterable[str]) -> list[list[str]]:
    """Return the groups of paths that collide on some host, as names.collision defines it."""
    paths = list(paths)
    if names.collision(paths) is None:
        return []
    spellings: dict[str, list[tuple[str, bool]]] = {}
    for path in paths:
        for prefix, is_file in _prefixes(path):
            known = spellings.setdefault(names.folded(prefix), [])
            if is_file or (prefix, is_file) not in known:  # two files may have the same path after normalization
                known.append((prefix, is_file))
    groups: dict[str, list[str]] = {}
    for path in paths:
        keys = (names.folded(prefix) for prefix, _is_file in _prefixes(path))
        key = next((key for key in keys if len(spellings[key]) > 1), None)
        if key is not None:
            groups.setdefault(key, []).append(path)
    return list(groups.values())


def _prefixes(path: str) -> Iterator[tuple[str, bool]]:
    """Yield the folders above a path and the path itself, each with whether it is the file."""
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count]), count == len(parts)
