"""Copies of source trees for builds: the files that git tracks, with just enough history to compute a version from."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from builder.sources.checkout import changed, git, is_checkout, source_commit, top_of, tracked
from builder.sources.source import list_files
from bundle import digest
from shared.errors import BuildError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Tree:
    """A copied tree: the folder to build, and the folders of git objects that its history refers to."""

    folder: Path
    objects: tuple[Path, ...] = ()


def _origin(folder: Path) -> tuple[Path, list[str]]:
    """Return the folder to copy and its files: the whole work tree if git tracks files of the folder, else itself."""
    if is_checkout(folder) and source_commit(folder) and tracked(folder):
        top = top_of(folder)
        return top, tracked(top)
    return folder.resolve(), list_files(folder)


def describe(folder: Path) -> dict[str, str]:
    """Return everything that determines a copy: the digest of each file by path, and the state of the history."""
    _require_folder(folder)
    top, paths = _origin(folder)
    found = {path: _identity(top / path) for path in paths}
    found["/"] = folder.resolve().relative_to(top).as_posix()
    if (top / ".git").exists() and source_commit(top):
        # build tools derive versions from the commit, the tags before it and the branch
        found[""] = "\n".join([source_commit(top) or "", _branch(top), *_tags(top)])
    return found


def _identity(path: Path) -> str:
    if path.is_symlink():
        return f"link {path.readlink()}"
    return digest.sha256_file(path)[0] if path.is_file() else ""


def copy(folder: Path, place: Path) -> Tree:
    """Copy a folder's tree to a new folder, so that a build neither changes the original nor reads other files."""
    _require_folder(folder)
    top, paths = _origin(folder)
    for path in paths:
        _copy_file(top, top / path, place / path)
    inner = place / folder.resolve().relative_to(top)
    inner.mkdir(parents=True, exist_ok=True)
    if (top / ".git").exists() and source_commit(top):
        return Tree(inner, tuple(_give_history(top, place)))
    return Tree(inner)


def _copy_file(top: Path, source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        with contextlib.suppress(OSError, RuntimeError):  # a loop, which no build can read either
            if source.resolve().is_relative_to(top) and not source.readlink().is_absolute():
                target.symlink_to(source.readlink())
    elif source.is_file():
        shutil.copy(source, target)


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise BuildError(
            _("{folder}, which the lockfile names, is not a folder.").format(folder=folder),
            advice=_("Put it back, or run `uv lock` again."),
        )


def _branch(top: Path) -> str:
    return git(top, "rev-parse", "--symbolic-full-name", "HEAD").strip()


def _tags(top: Path) -> list[str]:
    return git(top, "for-each-ref", "--merged", "HEAD", "--format=%(objectname) %(refname)", "refs/tags").splitlines()


def _give_history(top: Path, place: Path) -> Iterator[Path]:
    """Make a copy a repository with the commit, branch and tags of the original, but no settings and no remotes.

    It borrows the original's objects (gitrepository-layout(5), alternates); yields the folders that contain them.
    """
    form = git(top, "rev-parse", "--show-object-format").strip()
    git(place, "init", "--quiet", "--template=", f"--object-format={form}")
    common = Path(top, git(top, "rev-parse", "--git-common-dir").removesuffix("\n")).resolve()
    own, objects = place / ".git", common / "objects"
    (own / "objects" / "info").mkdir(parents=True, exist_ok=True)
    (own / "objects" / "info" / "alternates").write_text(f"{objects}\n", encoding="utf-8")
    (own / "packed-refs").write_text("".join(f"{line}\n" for line in _tags(top)), encoding="utf-8")
    if (common / "shallow").is_file():
        shutil.copy(common / "shallow", own / "shallow")
    commit, branch = source_commit(top) or "", _branch(top)
    if branch.startswith("refs/heads/"):
        git(place, "symbolic-ref", "HEAD", branch)
        git(place, "update-ref", branch, commit)
    else:
        git(place, "update-ref", "--no-deref", "HEAD", commit)
    git(place, "read-tree", "HEAD")
    # filters and line ends of the original do not apply here: what it takes for unchanged is unchanged
    same = sorted({*git(place, "ls-files", "-z").split("\0")} - {"", *changed(top)})
    git(place, "update-index", "-z", "--assume-unchanged", "--stdin", stdin="".join(f"{path}\0" for path in same))
    yield objects
    yield from _borrowed(objects)


def _borrowed(objects: Path) -> Iterator[Path]:
    """Yield the folders of objects that the original itself borrows from."""
    listing = objects / "info" / "alternates"
    if listing.is_file():
        yield from (Path(objects, line) for line in listing.read_text(encoding="utf-8").splitlines() if line)
