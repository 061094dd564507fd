"""Collect the application's source files, and leave out or reject those that must not be bundled.

1. list: the files that git tracks, less those marked export-ignore, or without git all except caches and environments
2. follow: links, to project files only
3. select: the profile's include and exclude patterns
4. leave out or reject: names that are invalid on some hosts, settings of this machine, secrets
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from builder.sources.checkout import export_ignored, is_checkout, tracked
from builder.sources.links import Tree, followed
from builder.sources.patterns import matches, travels
from builder.sources.secrets import find_secret, is_env_file
from builder.sources.unfit import Findings, Needs, clashes
from bundle import names
from bundle.manifest import FILE_SIZE_LIMIT, FILES_LIMIT, SOURCE
from shared import troubles
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from builder.project.profile import Profile
    from shared.terminal.progress import Progress

RUBBISH = (
    *(".git", ".hg", ".svn", ".venv", "venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".cache"),
    *(".hypothesis", ".tox", ".nox", ".idea", ".vscode", "node_modules", "*.egg-info", "*.pyc", ".DS_Store"),
    *(".coverage", "Thumbs.db"),
)
NAME_LIMIT = names.PART_LIMIT - 15  # bytes: hosts add .new-<counter> to a shipped file that the user has changed


@dataclass(frozen=True)
class SourceFile:
    """A file of the application: its path in the installed source (NFC), and its location on this machine."""

    path_in_app: str
    file: Path


def collect_source(
    project_root: Path, profile: Profile, progress: Progress, *, leave_out: Sequence[Path] = (), windows: bool = False
) -> tuple[SourceFile, ...]:
    """Return the files of the application to bundle, sorted by path; warn of those that cannot be and are not needed.

    ``leave_out`` lists the folders that the build writes to; they are excluded if the project is not in git. Paths
    that are too long for Windows are rejected for ``windows`` only. Raises BuildError, with everything that must be
    fixed; ToolError if git fails.
    """
    findings, needs = Findings(), Needs(profile)
    tree = Tree(project_root, _listed(project_root, profile, progress, leave_out))
    found = [SourceFile(path, file) for path, file in _fitting(tree, profile, needs, findings)]
    files = sorted(_apart(found, needs, findings), key=lambda item: item.path_in_app)
    files = [item for item in files if not _has_secret(item, profile, needs, findings)]
    _check_bounds(files, findings, windows=windows)
    _check_complete(files, profile, project_root, findings)
    for pattern in profile.include:
        if not any(matches(item.path_in_app, [pattern]) for item in found):
            progress.warn(_("No file matches {pattern} in source.include.").format(pattern=pattern))
    findings.report(progress)
    return tuple(files)


def list_files(folder: Path) -> list[str]:
    """Return a folder's regular files, sorted: those that git tracks or, if none, all but caches and environments."""
    listed = tracked(folder) if is_checkout(folder) else []
    listed = listed or sorted(_everything(folder, set()))
    return [path for path in listed if (folder / path).is_file()]


def _listed(project_root: Path, profile: Profile, progress: Progress, leave_out: Sequence[Path]) -> list[str]:
    """Return the paths of the project's files, sorted; export-ignore holds unless the profile includes the file."""
    if is_checkout(project_root):
        paths = _require_tracked(project_root)
        ignored = export_ignored(project_root, paths)
        return [path for path in paths if path not in ignored or matches(path, profile.include)]
    progress.warn(
        _("{folder} is not a git checkout: all files except caches and environments are included.").format(
            folder=project_root
        )
    )
    return sorted(_everything(project_root, {path.resolve() for path in leave_out}))


def _require_tracked(project_root: Path) -> list[str]:
    paths = tracked(project_root)
    if not paths:
        raise BuildError(
            _("git tracks no files in {folder}.").format(folder=project_root),
            advice=_("Add the application's files with `git add`, or specify another --project-root."),
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
            elif not leave_out or (project_root / above / entry.name).resolve() not in leave_out:
                waiting.append(f"{above}{entry.name}/")


def _is_rubbish(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in RUBBISH)


def _selected(tree: Tree, profile: Profile, findings: Findings) -> Iterator[tuple[str, Path | str]]:
    """Yield the paths that the profile selects (NFC), each with its file, or the reason why it cannot be bundled."""
    for path in tree.paths:
        place = tree.root / path
        found: Iterator[tuple[str, Path | str]] = iter([(path, place)])
        try:
            mode = place.lstat().st_mode
        except OSError as error:
            if travels(unicodedata.normalize("NFC", path), profile):
                reason = troubles.reason(error, troubles.READING, path=place)
                findings.refuse(
                    _("{file} is tracked by git but cannot be read: {reason}.").format(file=place, reason=reason),
                    _("Restore it with `git restore`, or remove it from version control."),
                )
            continue
        if stat.S_ISLNK(mode):
            found = followed(tree, path)
        elif not stat.S_ISREG(mode):
            unread = _("a submodule that is not checked out (`git submodule update --init`)")
            found = iter([(path, unread if stat.S_ISDIR(mode) else _("not a regular file"))])
        for selected, file in found:
            in_app = unicodedata.normalize("NFC", selected)
            if travels(in_app, profile):
                yield in_app, file


def _fitting(tree: Tree, profile: Profile, needs: Needs, findings: Findings) -> Iterator[tuple[str, Path]]:
    """Yield the selected files that can be bundled; add the others to the findings."""
    for path, file in _selected(tree, profile, findings):
        reason = file if isinstance(file, str) else _trouble(path, file)
        if isinstance(file, Path) and is_env_file(path, file.name) and not _is_named(path, profile):
            findings.leave_out(path, _("machine-specific settings"))
        elif reason and path in needs:
            findings.refuse(
                _("{file} cannot be bundled: {reason}.").format(file=tree.root / path, reason=reason),
                _("Rename or replace it, or leave it out with --exclude or source.exclude in the profile."),
            )
        elif reason:
            findings.leave_out(path, reason)
        elif isinstance(file, Path):
            yield path, file


def _is_named(path: str, profile: Profile) -> bool:
    return path in profile.include or matches(path, profile.allow_secrets)


def _trouble(path: str, file: Path) -> str | None:
    """Return why a file cannot be bundled, or None if it can."""
    if file.stat().st_size >= FILE_SIZE_LIMIT:
        return _("larger than {limit} bytes").format(limit=FILE_SIZE_LIMIT - 1)
    if any(len(part.encode("utf-8", "surrogatepass")) > NAME_LIMIT for part in path.split("/")):
        return _("has a name longer than {limit} bytes").format(limit=NAME_LIMIT)
    return names.problem(f"{SOURCE}/{path}")


def _apart(files: list[SourceFile], needs: Needs, findings: Findings) -> list[SourceFile]:
    """Return the files without those that collide and are not needed; add these, or collisions, to the findings."""
    dropped, files_of = set(), defaultdict(list)
    for item in files:
        files_of[item.path_in_app].append(item.file)
    for group in clashes(item.path_in_app for item in files):
        needed = [path for path in group if path in needs]
        for path in group:
            if path not in needs:
                findings.leave_out(
                    _spelled(path, files_of[path].pop(0)), _("its name collides with another one on some hosts")
                )
                dropped.add(path)
        pair = names.collision(needed)
        if pair:
            findings.refuse(
                _("{first} and {second} collide on some hosts.").format(first=pair[0], second=pair[1]),
                _("Rename one of them, or leave it out with --exclude or source.exclude in the profile."),
            )
    return [item for item in files if item.path_in_app not in dropped]


def _spelled(path: str, file: Path) -> str:
    """Return a path, with the code points of its file's name if these are not normalized: they look the same."""
    return path if path.endswith(file.name) else f"{path} ({ascii(file.name)[1:-1]})"


def _has_secret(item: SourceFile, profile: Profile, needs: Needs, findings: Findings) -> bool:
    """Return whether a file contains a secret that the profile does not allow; add it to the findings."""
    found = None if matches(item.path_in_app, profile.allow_secrets) else find_secret(item.file)
    if found and item.path_in_app in needs:
        findings.refuse(
            _("{file}, line {line} contains a secret ({kind}).").format(
                file=item.file, line=found.line, kind=found.kind
            ),
            _(
                "Remove it from the project and replace it where it is used, or leave the file out with --exclude; if "
                "it only looks like one, allow the file with --allow-secrets or source.allow_secrets in the profile."
            ),
        )
    elif found:
        findings.leave_out(item.path_in_app, _("contains a secret ({kind})").format(kind=found.kind))
    return found is not None


def _check_bounds(files: Sequence[SourceFile], findings: Findings, *, windows: bool) -> None:
    advice = _("Leave it out with --exclude or source.exclude in the profile.")
    if len(files) > FILES_LIMIT:
        text = _("The profile selects too many files for one bundle: {count}; at most {limit}.")
        findings.refuse(text.format(count=len(files), limit=FILES_LIMIT), advice)
    for item in files if windows else ():
        if names.too_long_for_windows([f"app/{item.path_in_app}"]):
            text = _("{path} is too long for Windows, where paths have at most 259 characters.")
            findings.refuse(text.format(path=item.path_in_app), advice)


def _check_complete(files: Sequence[SourceFile], profile: Profile, project_root: Path, findings: Findings) -> None:
    """Reject a bundle without files, and one without the script of a launcher."""
    present = {item.path_in_app for item in files}
    if not present and not findings.refusals:
        findings.refuse(
            _("The profile selects no file in {folder}.").format(folder=project_root),
            _("Fix source.include in the profile."),
        )
    for launcher in profile.application.launchers if present else ():
        if launcher.kind == "script" and launcher.target not in present:
            findings.refuse(
                _("{target}, which the launcher {name} starts, is not in the bundle.").format(
                    target=launcher.target, name=launcher.name
                ),
                _("Add it with `git add`, and to source.include in the profile."),
            )
