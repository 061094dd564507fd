"""Collect the application's source files and reject those that must not be bundled.

1. list: the files that git tracks, or without git all files except caches and environments
2. select: the profile's include and exclude patterns
3. reject: links, names that are invalid on some hosts, secrets
"""

from __future__ import annotations

import os
import stat
import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from builder.project.checkout import is_checkout, tracked
from builder.project.secrets import find_secret
from bundle import names
from shared import troubles
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from builder.project.profile import Profile
    from shared.terminal.progress import Progress

RUBBISH = (
    *(".git", ".hg", ".svn", ".venv", "venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".cache"),
    *(".hypothesis", ".tox", ".nox", ".idea", ".vscode", "node_modules", "*.egg-info", "*.pyc", ".DS_Store"),
    *(".coverage", "Thumbs.db"),
)


@dataclass(frozen=True)
class SourceFile:
    """A file of the application: its path in the installed source (NFC), and its location on this machine."""

    path_in_app: str
    file: Path


def collect_source(
    project_root: Path, profile: Profile, progress: Progress, *, leave_out: Sequence[Path] = ()
) -> tuple[SourceFile, ...]:
    """Return the files of the application to bundle, sorted by path.

    ``leave_out`` lists the folders that the build writes to; they are excluded if the project is not in git. Raises
    BuildError, with the file's name, if a file cannot be bundled; ToolError if git fails.
    """
    if is_checkout(project_root):
        listed = _require_tracked(project_root)
    else:
        listed = sorted(_everything(project_root, {path.resolve() for path in leave_out}))
        progress.warn(
            _("{folder} is not a git checkout: all files except caches and environments are included.").format(
                folder=project_root
            )
        )
    files = []
    for path in listed:
        in_app = unicodedata.normalize("NFC", path)
        if travels(in_app, profile):
            files.append(SourceFile(in_app, project_root / path))
    files.sort(key=lambda item: item.path_in_app)
    _check_names(files)
    for item in files:
        _check_file(item, profile.allow_secrets)
    _check_complete(files, profile, project_root, progress)
    return tuple(files)


def list_files(folder: Path) -> list[str]:
    """Return a folder's regular files, sorted: those that git tracks or, if none, all but caches and environments."""
    listed = tracked(folder) if is_checkout(folder) else []
    listed = listed or sorted(_everything(folder, set()))
    return [path for path in listed if (folder / path).is_file()]


def travels(path: str, profile: Profile) -> bool:
    """Return whether a profile's patterns select a path for the bundle."""
    chosen = not profile.include or matches(path, profile.include)
    return chosen and not matches(path, profile.exclude)


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Return whether a pattern matches a path: the path, a parent folder, or a glob in which * matches / too."""
    return any(
        path == pattern or path.startswith(f"{pattern.rstrip('/')}/") or fnmatchcase(path, pattern)
        for pattern in patterns
    )


def _require_tracked(project_root: Path) -> list[str]:
    paths = tracked(project_root)
    if not paths:
        raise BuildError(
            _("git tracks no files in {folder}.").format(folder=project_root),
            advice=_("Add the application's files with 'git add', or specify another --project-root."),
        )
    return paths


def _everything(project_root: Path, leave_out: set[Path]) -> Iterator[str]:
    waiting = [""]
    while waiting:
        above = waiting.pop()
        try:
            with os.scandir(project_root / above) as opened:
                found = sorted(opened, key=lambda entry: entry.name)
        except (PermissionError, FileNotFoundError, NotADirectoryError):  # owned by a container, or removed meanwhile
            continue
        for entry in found:
            if _is_rubbish(entry.name):
                continue
            if not entry.is_dir(follow_symlinks=False):
                yield above + entry.name
            elif (project_root / above / entry.name).resolve() not in leave_out:
                waiting.append(f"{above}{entry.name}/")


def _is_rubbish(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in RUBBISH)


def _check_names(files: list[SourceFile]) -> None:
    for item in files:
        trouble = names.problem(item.path_in_app)
        if trouble:
            raise BuildError(
                _("{file} has a name that cannot be bundled: {reason}.").format(file=item.file, reason=trouble),
                advice=_("Rename it, or exclude it with source.exclude in the profile."),
            )
    pair = names.collision(item.path_in_app for item in files)
    if pair:
        raise BuildError(
            _("{first} and {second} collide on some hosts.").format(first=pair[0], second=pair[1]),
            advice=_("Rename one of them, or exclude it with source.exclude in the profile."),
        )


def _check_file(item: SourceFile, allowed: Sequence[str]) -> None:
    try:
        mode = item.file.lstat().st_mode
    except OSError as error:
        raise BuildError(
            _("{file} is tracked by git but cannot be read: {reason}.").format(
                file=item.file, reason=troubles.reason(error, troubles.READING, path=item.file)
            ),
            advice=_("Restore it with 'git restore', or remove it from version control."),
        ) from error
    if not stat.S_ISREG(mode):
        kind = _("a link") if stat.S_ISLNK(mode) else _("not a regular file")
        raise BuildError(
            _("{file} is {kind}; only regular files can be bundled.").format(file=item.file, kind=kind),
            advice=_("Replace it with a copy, or exclude it with source.exclude in the profile."),
        )
    if matches(item.path_in_app, allowed):
        return
    finding = find_secret(item.file)
    if finding:
        line = _("{file}, line {line}").format(file=item.file, line=finding.line) if finding.line else str(item.file)
        raise BuildError(
            _("{where} contains a secret ({kind}).").format(where=line, kind=finding.kind),
            advice=_(
                "Remove it from the project and replace it where it is used; add a file that only looks like "
                "one to source.allow_secrets in the profile."
            ),
        )


def _check_complete(files: list[SourceFile], profile: Profile, project_root: Path, progress: Progress) -> None:
    """Raise BuildError if there is no file or a launcher's script is missing; warn about patterns without a match."""
    present = {item.path_in_app for item in files}
    if not present:
        raise BuildError(
            _("The profile selects no file in {folder}.").format(folder=project_root),
            advice=_("Fix source.include in the profile."),
        )
    for launcher in profile.application.launchers:
        if launcher.kind == "script" and launcher.target not in present:
            raise BuildError(
                _("{target}, which the launcher {name} starts, is not in the bundle.").format(
                    target=launcher.target, name=launcher.name
                ),
                advice=_("Add it with 'git add', and to source.include in the profile."),
            )
    for pattern in profile.include:
        if not any(matches(path, [pattern]) for path in present):
            progress.warn(_("No file matches {pattern} in source.include.").format(pattern=pattern))
