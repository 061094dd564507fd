"""Does a release work? Asked before it is sealed, and again from outside after it was activated.

Nothing installed is imported before its bytes were compared with RECORD. Imports and smoke tests
run in processes of their own with placeholders for required settings; they also write the
bytecode that later starts need (bytecode.py).
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from bundle import strict
from bundle.embedding import difference, embedding_in
from bundle.wheels import record
from installer.layout import service
from installer.release import bytecode, launchers, receipt, stage
from installer.release.installation import Installation
from shared.errors import InstallError
from shared.i18n import _
from shared.processes import process, scripts

if TYPE_CHECKING:
    from collections.abc import Collection

    from bundle.manifest import Manifest
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from shared.terminal.progress import Progress

IMPORT_TIMEOUT, SMOKE_TIMEOUT = 600.0, 300.0  # seconds; the first import compiles thousands of files
IMPORT = scripts.text("scripts/import_modules")
AT_ONCE, NO_GC = "at-once", "no-gc"  # how
NAMES_SHOWN = 5


def check_records(
    installation: Installation, hash_of: record.Hash, progress: Progress, *, damaged: Collection[str] = ()
) -> None:
    """Raise InstallError unless site-packages is exactly what the wheels and the lock say.

    ``damaged`` are paths in the release that are known to be damaged and stay so.
    """
    known = {installation.release.path / path for path in damaged}
    site = installation.site_packages
    with progress.wait(_("Checking the installed files")):
        survey = record.survey(site, hash_of)
    for paths, reason in (
        (survey.missing, _("missing")),
        (survey.altered, _("does not match its RECORD")),
        (survey.unrecorded, _("not listed in any RECORD")),
    ):
        wrong = [path for path in paths if path not in known]
        if wrong:
            raise InstallError(_("{path}: {reason}.").format(path=wrong[0], reason=reason))
    installed = {name: version for name, version, _folder in record.distributions(site)}
    wanted = {package.name: package.version for package in installation.manifest.packages}
    if installed != wanted:
        others = sorted(set(installed.items()) ^ set(wanted.items()))
        raise InstallError(_("The environment does not match the lockfile: {package}.").format(package=others[0][0]))


def try_out(installation: Installation, progress: Progress) -> None:
    """Raise InstallError unless the core modules of a new release import and the profile's smoke commands exit 0.

    Leaves the bytecode of all that the application imports.
    """
    foreign = bytecode.compile_application(installation, basic_environment(), progress)
    check_imports(installation, progress)
    with progress.wait(_("Compiling the modules that the application imports later")):
        import_once(installation, foreign)
    check_smoke(installation, progress)


def import_once(installation: Installation, modules: list[str]) -> None:
    """Import modules for the sake of their bytecode; what does not import is no fault, nothing may ever ask for it."""
    env, release = trial_environment(installation, basic_environment()), installation.release
    argv = [str(release.python), "-c", IMPORT, "-", NO_GC, AT_ONCE]
    process.run(argv, env=env, cwd=release.app, timeout=IMPORT_TIMEOUT, stdin=json.dumps(modules).encode())


def trial_environment(installation: Installation, caller: dict[str, str]) -> dict[str, str]:
    """Return the application's environment with placeholders for what its env template lists.

    Before the release is sealed, scratch data stand for the user's.
    """
    env = launchers.trial_environment(installation, caller, _data_of(installation.release))
    if not installation.release.is_complete:  # a sealed release changes no more
        del env["PYTHONDONTWRITEBYTECODE"]
    return env


def _data_of(release: Release) -> str | None:
    """Return the data that stand for the user's before the release is sealed; None for the user's own."""
    scratch = stage.scratch_data(release)
    return str(scratch) if scratch.is_dir() else None


def basic_environment() -> dict[str, str]:
    """Return what a program needs of this process's environment to start at all."""
    names = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "WINDIR", "TEMP", "TMP", "USERPROFILE")
    return {name: os.environ[name] for name in names if name in os.environ}


def check_imports(installation: Installation, progress: Progress, account: process.Account | None = None) -> None:
    """Raise InstallError unless every core module imports in a fresh interpreter of the release."""
    release, names = installation.release, installation.manifest.application.core_imports
    if not names:
        return
    # an interpreter that crashes while it ends is noticed when the release is tried out, before it is sealed
    argv = [str(release.python), "-c", IMPORT, json.dumps(names), NO_GC, *([AT_ONCE] if release.is_complete else [])]
    env = trial_environment(installation, basic_environment())
    with progress.wait(_("Importing the core modules")):
        ended = process.run(argv, env=env, cwd=release.app, timeout=IMPORT_TIMEOUT, account=account)
    answer = scripts.answer(ended.stdout)
    if not ended.ok or answer is None:
        reason = _("it timed out") if ended.timed_out else _("exit code {n}").format(n=ended.returncode)
        raise InstallError(
            _("The interpreter exited while importing {names} ({reason}): {last}").format(
                names=", ".join(names), reason=reason, last=last_line(ended.stderr)
            )
        )
    try:
        failed = [(name, reason) for name, (_seconds, reason) in strict.parse(answer).items() if reason is not None]
    except (ValueError, AttributeError, TypeError) as error:
        raise InstallError(_("Importing {names} returned no result.").format(names=", ".join(names))) from error
    for name, reason in failed:
        raise InstallError(_("{name} cannot be imported: {reason}").format(name=name, reason=reason))


def check_smoke(installation: Installation, progress: Progress) -> None:
    """Raise InstallError unless the profile's smoke commands exit 0."""
    env, data = trial_environment(installation, basic_environment()), _data_of(installation.release)
    for name, *arguments in installation.manifest.application.smoke:
        argv, folder = launchers.trial_command(installation, [name, *arguments], data)
        with progress.wait(trying(name, arguments)):
            ended = service.run(argv, env, timeout=SMOKE_TIMEOUT, folder=folder)
        require_success(ended, name, arguments)


def trying(name: str, arguments: list[str]) -> str:
    """Return how the trial of a command is announced."""
    return _("Testing the application: {command}").format(command=" ".join([name, *arguments]))


def check_health(prefix: Prefix, manifest: Manifest, progress: Progress) -> None:
    """Raise InstallError unless the active release works through PREFIX/bin, as whoever owns the data starts it.

    1. The core modules import.
    2. The profile's smoke commands exit 0.
    3. Each model that has a probe gives the embedding that the manifest promises.
    """
    active = prefix.active()
    if active is None:
        raise InstallError(_("No release is active."))
    account = service.account_of(prefix.data)
    check_imports(Installation(prefix, active, manifest), progress, account)
    env = {**basic_environment(), **manifest.application.environment.placeholders}
    for name, *arguments in manifest.application.smoke:
        with progress.wait(trying(name, arguments)):
            argv = launchers.argv(prefix, manifest, name, arguments)
            ended = service.run(argv, env, timeout=SMOKE_TIMEOUT, account=account)
        require_success(ended, name, arguments)
    check_answers(prefix, manifest, env, progress)


def check_answers(prefix: Prefix, manifest: Manifest, env: dict[str, str], progress: Progress) -> None:
    """Raise InstallError for a model that does not give the embedding that its probe promises."""
    for model in manifest.models:
        if model.probe is None:
            continue
        name, *arguments = model.probe.command
        argv = launchers.argv(prefix, manifest, name, [*arguments, model.probe.sentence])
        with progress.wait(_("Querying the model {name}").format(name=model.name)):
            ended = service.run(argv, env, timeout=IMPORT_TIMEOUT, account=service.account_of(prefix.data))
        require_success(ended, name, arguments)
        answer = embedding_in(ended.stdout)
        reason = _("it did not print a list of numbers") if answer is None else difference(answer, model.probe)
        if reason:
            raise InstallError(
                _("The model {name} returns a wrong result: {reason}.").format(name=model.name, reason=reason)
            )


def require_unchanged(release: Release, before: dict[str, tuple[int, int, int]]) -> None:
    """Raise InstallError when a sealed release changed since ``before``: root may write there, other users may not."""
    after = receipt.stamps(release)
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    if changed:
        raise InstallError(
            _("The application modifies its installed files, which are read-only: {names}.").format(
                names=", ".join(changed[:NAMES_SHOWN])
            ),
            advice=_(
                "Ask whoever built the bundle to list the folder under persist in the profile, or to make "
                "the application write elsewhere."
            ),
        )


def require_success(ended: process.Completed, name: str, arguments: list[str]) -> None:
    """Raise InstallError unless a command of the application succeeded."""
    if ended.ok:
        return
    reason = _("it timed out") if ended.timed_out else _("exit code {n}").format(n=ended.returncode)
    raise InstallError(
        _("{command} failed ({reason}): {last}").format(
            command=" ".join([name, *arguments]), reason=reason, last=last_line(ended.stderr)
        ),
        advice=_("The full output is in the log; send it to whoever built the bundle."),
    )


def last_line(text: str) -> str:
    """Return the last line that says something, for an error message."""
    return process.last_line(text)[:300] or _("no message")
