"""The git state of a build's source: its commit, and the files that differ from it."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.lock.build_lock import NAME as BUILD_LOCK
from builder.models.models import parse_model_spec
from builder.project.profile import PROFILES
from builder.sources.checkout import changed, is_checkout, source_commit, top_of, uncommitted, untracked
from builder.sources.patterns import matches, travels
from builder.sources.unfit import some
from bundle import digest
from shared.errors import BuildError
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from builder.lock.targets import Standing
    from builder.project.profile import Profile
    from builder.request.request import Request
    from builder.sources.source import SourceFile
    from shared.terminal.progress import Progress

DIRTY = "-dirty"  # as git describe --dirty writes it


@dataclass(frozen=True)
class SourceState:
    """The commit of a build's source, or None if there is none, and the files that differ from it.

    ``changed`` lists the tracked files, bundled or read by the build, that differ from the commit: their paths relative
    to the project's folder, and their current SHA-256 ("" if the file is missing). ``untracked`` lists files that the
    profile selects, but that are not bundled because git does not track them. ``uncommitted`` lists files that are
    bundled or read, but not in the commit of this repository: a profile elsewhere or a model's folder, for example.
    """

    commit: str | None
    changed: tuple[tuple[str, str], ...] = ()
    untracked: tuple[str, ...] = ()
    uncommitted: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The paths of the changed files."""
        return tuple(path for path, _sha256 in self.changed)

    @property
    def described(self) -> str | None:
        """The commit as recorded in a manifest: with ``-dirty`` appended if files differ."""
        return f"{self.commit}{DIRTY}" if self.commit and self.changed else self.commit

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {
            "commit": self.commit,
            "changed": list(self.names),
            "untracked": list(self.untracked),
            "uncommitted": list(self.uncommitted),
        }


def state_of(
    request: Request, profile: Profile, standings: Sequence[Standing], sources: Sequence[SourceFile]
) -> SourceState:
    """Return the state of a build's source, including the packages that the lockfile lists as folders."""
    root = request.project_root
    commit = source_commit(root)
    if commit is None:
        return SourceState(None)
    selections = [standing.selection for standing in standings if standing.selection]
    folders = {Path(source.place) for one in selections for source in one.sources if source.kind == "folder"}
    linked = [item.file for item in sources if not item.file.as_posix().endswith(f"/{item.path_in_app}")]
    read = {_from(root, path) for path in (*profile.files, *linked, *_read(request))}
    differing = {path for path in changed(root) if path in read or _travels(path, profile)}
    top = request.lockfile.path.parent  # a member's lockfile is in the root of its workspace
    differing |= {_from(root, top / path) for path in changed(top)} & read
    for folder in folders:
        if is_checkout(folder):
            differing |= {_from(root, folder / path) for path in changed(folder)}
    loose = {_from(root, path) for path in _uncommitted(request, profile, folders)}
    return SourceState(
        commit,
        tuple((path, _digest(root / path)) for path in sorted(differing)),
        tuple(path for path in untracked(root) if travels(path, profile) and path not in loose),
        tuple(sorted(loose - differing)),
    )


def _read(request: Request) -> tuple[Path, ...]:
    """Return the files that every build reads for its packages."""
    lock = request.lockfile
    return (*lock.read_with, lock.path, lock.path.parent / BUILD_LOCK)


def _uncommitted(request: Request, profile: Profile, folders: AbstractSet[Path]) -> Iterator[Path]:
    """Yield the inputs that are neither in the commit of the project's repository nor pinned otherwise.

    Wheels are pinned by the lockfile, models of a hub by their revision, snapshots and exceptions by signatures, a
    Python from uv by uv, and profiles that ship with the builder by its version.
    """
    top, python = top_of(request.project_root), request.python
    models = [parse_model_spec(model.source).folder for model in profile.models if model.source]
    named = [*_read(request), *(path for path in profile.files if PROFILES not in path.parents)]
    for place in (*named, *models, *([Path(python)] if python and Path(python).exists() else [])):
        if place and place.exists():
            yield from uncommitted(top, place)
    for folder in folders - {request.project_root.resolve()}:
        if folder.resolve().is_relative_to(top):
            yield from (folder / path for path in untracked(folder))
        else:
            yield folder


def _from(root: Path, path: Path) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _travels(path: str, profile: Profile) -> bool:
    """Return whether a changed path is bundled; git reports a changed submodule as its folder."""
    in_app = unicodedata.normalize("NFC", path)
    return travels(in_app, profile) or any(matches(pattern, [in_app]) for pattern in profile.include)


def _digest(path: Path) -> str:
    return digest.sha256_file(path)[0] if path.is_file() else ""


def report_state(state: SourceState, progress: Progress) -> None:
    """Warn about files that differ from the commit, and about untracked files, which are not bundled."""
    if state.changed:
        text = plural(
            "{count} tracked file differs from commit {commit} and is included as is: {names}",
            "{count} tracked files differ from commit {commit} and are included as is: {names}",
            len(state.changed),
        )
        progress.warn(text.format(count=len(state.changed), commit=(state.commit or "")[:12], names=some(state.names)))
    forgotten = [name for name in state.uncommitted if not name.startswith("../")]
    if forgotten:
        text = plural(
            "{count} file in the build is not in the commit: {names}",
            "{count} files in the build are not in the commit: {names}",
            len(forgotten),
        )
        progress.warn(text.format(count=len(forgotten), names=some(forgotten)))
    if state.untracked:
        text = plural(
            "{count} file is not tracked by git and is not included: {names}",
            "{count} files are not tracked by git and are not included: {names}",
            len(state.untracked),
        )
        progress.warn(text.format(count=len(state.untracked), names=some(state.untracked)))


def require_commit(state: SourceState, root: Path) -> None:
    """Raise BuildError unless every input that is not pinned otherwise matches the commit (--strict-source)."""
    if state.commit is None:
        raise BuildError(
            _("{folder} has no commit to compare its files with (--strict-source).").format(folder=root),
            advice=_("Build from a git checkout with a commit, or without --strict-source."),
        )
    if state.changed:
        raise BuildError(
            _("These files differ from commit {commit} (--strict-source): {names}.").format(
                commit=state.commit[:12], names=", ".join(state.names)
            ),
            advice=_(
                "Commit them, or revert them with `git restore`; without --strict-source the bundle records that "
                "they differ."
            ),
        )
    if state.uncommitted:
        raise BuildError(
            _(
                "The commit does not contain everything that goes into the bundle (--strict-source); missing: {names}."
            ).format(names=", ".join(state.uncommitted)),
            advice=_(
                "Commit them in the project's repository, specify models as hf:ORG/NAME@COMMIT, or build "
                "without --strict-source."
            ),
        )


def require_same(before: SourceState, after: SourceState) -> None:
    """Raise BuildError if the source changed during the build, because the bundle would record a wrong state."""
    if (before.commit, before.changed) != (after.commit, after.changed):
        names = sorted({path for path, _sha in {*before.changed} ^ {*after.changed}})
        raise BuildError(
            _("The project changed during the build: {names}.").format(names=some(names) or after.commit),
            advice=_("Build again, and do not change the project's files during the build."),
        )
