"""The git state of a project folder: its commit, its tracked files, and files that differ from the commit."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import BuildError
from shared.i18n import _
from shared.processes.process import OUTPUT_LIMIT, checked, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GIT_TIME_LIMIT = 120.0  # seconds


def is_checkout(project_root: Path) -> bool:
    """Return whether a folder is in a git work tree."""
    folder = project_root.resolve()
    return any((parent / ".git").exists() for parent in (folder, *folder.parents))


def source_commit(project_root: Path) -> str | None:
    """Return the commit that is checked out, or None if there is no git work tree or no commit yet."""
    if not is_checkout(project_root):
        return None
    completed = git(project_root, "rev-parse", "--verify", "--quiet", "HEAD")
    return completed.strip() or None


def commit_time(project_root: Path) -> int | None:
    """Return the committer date of the checked-out commit in seconds since 1970, or None if there is no commit."""
    if source_commit(project_root) is None:
        return None
    return int(git(project_root, "log", "-1", "--no-show-signature", "--format=%ct", "HEAD"))


def git(project_root: Path, *arguments: str, stdin: str = "") -> str:
    """Return the output of git in a folder. Raises ToolError if it fails; `rev-parse` may find nothing."""
    # git sets GIT_DIR and GIT_INDEX_FILE for hooks, and a hook of another repository may have started the build
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env["GIT_OPTIONAL_LOCKS"] = "0"
    argv = ["git", "-c", "core.fileMode=false", *arguments]
    sent = stdin.encode("utf-8", "surrogateescape") or None
    completed = run(argv, cwd=project_root, env=env, timeout=GIT_TIME_LIMIT, stdin=sent)
    if arguments[0] == "rev-parse" and completed.returncode == 1:
        return ""
    return checked(completed, f"git {arguments[0]}").stdout


def tracked(project_root: Path) -> list[str]:
    """Return the tracked files below a folder, sorted. Raises BuildError if their list exceeds OUTPUT_LIMIT."""
    listing = git(project_root, "ls-files", "-z", "--recurse-submodules")
    if len(listing.encode()) >= OUTPUT_LIMIT:
        raise BuildError(
            _("{folder} has too many tracked files for one application.").format(folder=project_root),
            advice=_("Build from the application's own folder."),
        )
    return sorted({path for path in listing.split("\0") if path})  # a file in conflict is listed three times


def export_ignored(project_root: Path, paths: Iterable[str]) -> set[str]:
    """Return the paths that gitattributes mark export-ignore, themselves or by a folder above: no archive has them."""
    paths = list(paths)
    folders = {f"{path[: match.end()]}" for path in paths for match in re.finditer("/", path)}
    asked = "".join(f"{path}\0" for path in [*folders, *paths])
    found = git(project_root, "check-attr", "-z", "--stdin", "export-ignore", stdin=asked).split("\0")
    marked = {path for path, value in zip(found[::3], found[2::3], strict=False) if value == "set"}
    return {path for path in paths if path in marked or any(path[: m.end()] in marked for m in re.finditer("/", path))}


def changed(folder: Path) -> list[str]:
    """Return the paths below a folder whose content differs from the commit, sorted; empty without a commit.

    Permissions are ignored, because bundles do not store them. Files that git is configured to skip are compared too.
    """
    if source_commit(folder) is None:
        return []
    options = ("--name-only", "--relative", "--no-renames", "--no-ext-diff", "--ignore-submodules=none", "-z")
    listing = git(folder, "diff", *options, "HEAD", "--", ".")
    return sorted({*filter(None, listing.split("\0")), *_overlooked(folder)})


def _overlooked(folder: Path) -> Iterator[str]:
    """Yield changed files that git reports as unchanged (git update-index --assume-unchanged, --skip-worktree)."""
    for line in git(folder, "ls-files", "-v", "-z").split("\0"):
        mark, _space, path = line.partition(" ")
        if path and (mark.islower() or mark == "S") and (folder / path).is_file():
            index = git(folder, "ls-files", "--stage", "-z", "--", f":(literal){path}").split()[1]
            if git(folder, "hash-object", "--", path).strip() != index:
                yield path


def top_of(folder: Path) -> Path:
    """Return the root of the git work tree that contains a folder."""
    return Path(git(folder, "rev-parse", "--show-toplevel").removesuffix("\n")).resolve()


def uncommitted(top: Path, place: Path) -> list[Path]:
    """Return the files at a path (a file or a folder) that are not in a work tree's commit or differ from it.

    A path outside the work tree is itself returned, even if it is committed in another one.
    """
    place = place.resolve()
    if not place.is_relative_to(top):
        return [place]
    folder, names = (place, ["."]) if place.is_dir() else (place.parent, [f":(literal){place.name}"])
    stored = set(git(folder, "ls-files", "-z", "--recurse-submodules", "--", *names).split("\0"))
    found = {path.relative_to(folder).as_posix(): path for path in ([place] if place.is_file() else _files(place))}
    differing = set(changed(folder))
    return [path for name, path in sorted(found.items()) if name not in stored or name in differing]


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, except those of git and of model hub caches."""
    for path in folder.rglob("*"):
        if path.is_file() and {".git", ".cache"}.isdisjoint(path.relative_to(folder).parts):
            yield path


def untracked(folder: Path) -> list[str]:
    """Return the files below a folder that git neither tracks nor ignores, sorted.

    A list that exceeds the output limit of a process is truncated.
    """
    listing = git(folder, "ls-files", "--others", "--exclude-standard", "-z")
    return sorted(listing.split("\0")[:-1])
