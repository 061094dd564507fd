"""A package's build requirements: resolved once to wheels, and installed for one build."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import tomllib
from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError
from packaging.requirements import InvalidRequirement, Requirement

from builder.backends.workshop import last_reason, run_uv
from builder.fetch.cache import sha256
from builder.fetch.partial import Remote
from builder.lock.build_lock import Asked, Resolution
from builder.lock.lock import Lock, select_wheels
from builder.lock.locked import lock_rows
from bundle.lock import write_pylock
from bundle.target import host_target
from shared.errors import BuildError
from shared.files import temp_folders
from shared.i18n import _
from shared.programs.uv import Uv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from builder.backends.workshop import Interpreter, Workshop
    from builder.fetch.fetching import Fetching
    from builder.lock.locked import LockedWheel
    from builder.project.project import UvSettings

RESOLVE_TIME_LIMIT = 600.0  # seconds
JOBS = 8  # downloads at a time


def resolve(requires: Iterable[str], python: Interpreter, workshop: Workshop) -> Resolution:
    """Return the wheels for build requirements, as recorded, or else as newly resolved by uv.

    Raises BuildError if a requirement is invalid, or there are no wheels that satisfy them all.
    """
    wanted = tuple(sorted(set(requires)))
    asked = Asked(wanted, workshop.settings.build_constraints, str(host_target()), python.version)
    known = workshop.record.find(asked)
    if known is None:
        known = Resolution(asked, "", ()) if not wanted else _resolved(asked, python, workshop)
        if wanted:
            workshop.record.add(known)
    return known


def _resolved(asked: Asked, python: Interpreter, workshop: Workshop) -> Resolution:
    try:
        for text in asked.requires:
            Requirement(text)
    except InvalidRequirement as error:
        raise BuildError(
            _("The build requirement {requirement} is invalid: {reason}.").format(
                requirement=repr(text), reason=str(error).splitlines()[0]
            ),
            advice=_("Fix build-system.requires in the package's pyproject.toml."),
        ) from error
    workshop.fetching.progress.step(
        _("Resolving build requirements: {requirements}").format(requirements=", ".join(asked.requires))
    )
    with temp_folders.scratch() as scratch:
        pylock = _compiled(asked, python, workshop, scratch)
        here = replace(host_target(), python=python.version)
        wheels = select_wheels(Lock(scratch, pylock, ""), here, build=False).wheels
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Resolution(asked, now, wheels)


def _compiled(asked: Asked, python: Interpreter, workshop: Workshop, scratch: Path) -> Pylock:
    wanted, limits = scratch / "requirements.in", scratch / "constraints.txt"
    wanted.write_text("\n".join(asked.requires) + "\n", encoding="utf-8")
    limits.write_text("\n".join(asked.constraints) + "\n", encoding="utf-8")
    argv = ["pip", "compile", wanted.name, "--constraints", limits.name, "--format", "pylock.toml", "--no-header"]
    argv += ["--only-binary", ":all:", "--no-sources", "--python", python.path]
    argv += [*_index_options(workshop.settings), *(["--offline"] if workshop.fetching.offline else [])]
    done = run_uv(*argv, timeout=RESOLVE_TIME_LIMIT, cwd=scratch)
    try:
        if done.ok:
            return Pylock.from_dict(tomllib.loads(done.stdout))
        reason = last_reason(done)
    except (tomllib.TOMLDecodeError, PylockValidationError, PylockUnsupportedVersionError) as error:
        reason = str(error)
    offline = _("Build once without --offline; the result is recorded.")
    raise BuildError(
        _("The build requirements {requirements} cannot be resolved to wheels: {reason}").format(
            requirements=", ".join(asked.requires), reason=reason
        ),
        advice=offline
        if workshop.fetching.offline
        else _(
            "Fix build-system.requires in the package's pyproject.toml, or build its wheel "
            "elsewhere and specify it with --wheel."
        ),
    )


def _index_options(settings: UvSettings) -> Iterator[str]:
    """Yield the project's indexes as options, because a source archive does not contain them."""
    for index in settings.indexes:
        if index.default:
            yield from ("--default-index", index.url)
        elif not index.explicit:
            yield from ("--index", f"{index.name}={index.url}" if index.name else index.url)


def install(resolutions: Sequence[Resolution], python: Interpreter, workshop: Workshop, place: Path) -> Path:
    """Create an environment with the wheels of the last resolution in a folder; return its interpreter."""
    wheels = resolutions[-1].wheels
    paths = _fetched(wheels, workshop.fetching)
    place.mkdir()
    uv, environment = Uv(place), place / "env"
    try:
        uv.venv(environment, Path(python.path).resolve())
        program = next(
            path for path in (environment / "bin/python", environment / "Scripts/python.exe") if path.exists()
        )
        if wheels:
            (place / "wheels").mkdir()
            for name, path in paths.items():
                shutil.copyfile(path, place / "wheels" / name)
            (place / "pylock.toml").write_bytes(write_pylock(lock_rows(wheels)))
            uv.sync(program, place / "pylock.toml")
    finally:
        uv.close()
    shutil.rmtree(place / "wheels", ignore_errors=True)
    return program


def _fetched(wheels: Iterable[LockedWheel], fetching: Fetching) -> dict[str, Path]:
    """Return the paths of wheels by file name; those in folders of this machine are read offline too."""
    remotes = [Remote(wheel.filename, wheel.url, sha256(wheel.sha256), wheel.size) for wheel in wheels]
    local = [remote for remote in remotes if remote.url.startswith("file:")]
    others = [remote for remote in remotes if remote not in local]
    text = _("Fetching build requirements")
    found = fetching.download(local, text, jobs=JOBS) if local else {}
    found |= fetching.files(others, text, jobs=JOBS) if others else {}
    return {remote.name: path for remote, path in found.items()}
