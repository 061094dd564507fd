"""Check that a release works: before it is sealed, and again after it was activated, with its commands in PREFIX/bin.

No installed module is imported before its bytes were compared with RECORD. Imports and smoke commands run in separate
processes with placeholders for required settings. Before the release is sealed, they also write the bytecode that later
starts need (bytecode.py); nothing is written into a sealed one.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundle import strict
from bundle.embedding import difference, embedding_in
from bundle.wheels import record
from installer.layout import service_account
from installer.release import bytecode, launchers, receipt, stage
from installer.release.installation import Installation
from shared.errors import InstallError
from shared.i18n import _
from shared.processes import cgroups, process, scripts
from shared.processes.beside import Beside

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from bundle.manifest import Manifest
    from installer.layout.prefix import Prefix
    from installer.layout.release import Release
    from shared.terminal.progress import Progress

IMPORT_TIMEOUT, SMOKE_TIMEOUT = 600.0, 300.0  # seconds; the first import compiles thousands of files
IMPORT, COMPILE = (scripts.text(f"imports/{name}") for name in ("import_modules", "compile_imports"))
AT_ONCE, NO_GC = "at-once", "no-gc"  # options of the script
NAMES_SHOWN = 5
ROOM = 4 << 30  # bytes of memory for two processes that import torch and the like
LOG = logging.getLogger("ragtrace")


def check_records(
    installation: Installation, hash_of: record.Hash, progress: Progress, *, damaged: Collection[str] = ()
) -> None:
    """Raise InstallError unless site-packages matches the RECORDs and the packages of the manifest exactly.

    ``damaged`` lists the paths in the release that are known to be damaged and remain so.
    """
    known = {installation.release.path / path for path in damaged}
    site = installation.site_packages
    with progress.wait(_("Checking the installed files")):
        survey = record.survey(site, hash_of, installation.winners)
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

    Also writes the bytecode of every module that the application imports.
    """
    foreign = bytecode.compile_application(installation, basic_environment(), progress)
    with compiling_imports(installation, foreign, progress):
        check_imports(installation, progress, is_sealed=False)
    check_smoke(installation.manifest, _unsealed(installation), progress)


@contextlib.contextmanager
def compiling_imports(installation: Installation, modules: list[str], progress: Progress) -> Iterator[None]:
    """Compile what the core modules import, then import the given modules once, in a second process beside the block.

    The block imports the core modules from the first to the last and this compiles them from the last to the first:
    most of an import's time is compiling, and each process reads the bytecode that the other one has written. If this
    host has no room for two, the modules are imported after the block. None of the application's own is among them: two
    processes would use the same scratch data.
    """
    core = list(installation.manifest.application.core_imports)
    second = Beside(lambda: compile_imports(installation, core, modules)) if cgroups.has_room(2, ROOM) else None
    try:
        if second is not None:
            second.begin()
        yield
        with progress.wait(_("Compiling the modules that the application imports later")):
            if second is None or not second.succeeded():
                if second is not None:  # not enough resources on this host after all
                    LOG.debug("imported afterwards: %s", second.error)
                compile_imports(installation, [], modules)
    except BaseException:
        if second is not None:
            second.end()
        raise


def compile_imports(installation: Installation, core: list[str], modules: list[str]) -> None:
    """Write the bytecode of the imports of core modules, and of modules by importing them; failures are ignored.

    A module that cannot be imported may never be needed.
    """
    env, release = _unsealed(installation).env, installation.release
    request = json.dumps({"first": core, "rest": modules}).encode()
    process.run([str(release.python), "-c", COMPILE], env=env, cwd=release.app, timeout=IMPORT_TIMEOUT, stdin=request)


@dataclass(frozen=True)
class Way:
    """How the commands of a release are started for a trial.

    ``start`` returns the argv of a command and its folder (None: an empty one); ``account`` is whose rights it has.
    """

    start: Callable[[list[str]], tuple[list[str], Path | None]]
    env: dict[str, str]
    account: process.Account | None = None

    def run(self, command: list[str], timeout: float) -> process.Completed:
        argv, folder = self.start(command)
        return service_account.run(argv, self.env, timeout=timeout, folder=folder, account=self.account)


def _unsealed(installation: Installation) -> Way:
    """Return the way in a release that is being built: scratch data replaces the user's, and bytecode is written."""
    data = str(stage.scratch_data(installation.release))
    env = launchers.trial_environment(installation, basic_environment(), data)
    del env["PYTHONDONTWRITEBYTECODE"]
    return Way(lambda command: launchers.trial_command(installation, command, data), env)


def _aside(installation: Installation) -> Way:
    """Return the way in a sealed release while another one is active."""
    env = launchers.trial_environment(installation, basic_environment())
    account = service_account.account_of(installation.prefix.data)
    return Way(lambda command: launchers.trial_command(installation, command), env, account)


def _through_bin(installation: Installation) -> Way:
    """Return the way in the active release, through its launchers in PREFIX/bin."""
    prefix, manifest = installation.prefix, installation.manifest
    env = {**basic_environment(), **manifest.application.environment.placeholders}
    account = service_account.account_of(prefix.data)
    return Way(lambda command: (launchers.argv(prefix, manifest, command[0], command[1:]), None), env, account)


def basic_environment() -> dict[str, str]:
    """Return the variables of this process's environment that a program needs to start at all."""
    names = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "WINDIR", "TEMP", "TMP", "USERPROFILE")
    return {name: os.environ[name] for name in names if name in os.environ}


def check_imports(installation: Installation, progress: Progress, *, is_sealed: bool = True) -> None:
    """Raise InstallError unless every core module imports in a fresh interpreter of the release."""
    release, names = installation.release, installation.manifest.application.core_imports
    if not names:
        return
    way = _aside(installation) if is_sealed else _unsealed(installation)
    # a crash of the interpreter at exit is detected when the release is tested, before it is sealed
    argv = [str(release.python), "-c", IMPORT, json.dumps(names), NO_GC, *([AT_ONCE] if is_sealed else [])]
    with progress.wait(_("Importing the core modules")):
        ended = process.run(argv, env=way.env, cwd=release.app, timeout=IMPORT_TIMEOUT, account=way.account)
    answer = scripts.answer(ended.stdout)
    if not ended.ok or answer is None:
        reason = _("it timed out") if ended.timed_out else _("exit code {n}").format(n=ended.returncode)
        raise InstallError(
            _("Importing {names} did not finish ({reason}): {last}").format(
                names=", ".join(names), reason=reason, last=last_line(ended.stderr)
            )
        )
    try:
        failed = [(name, reason) for name, (_seconds, reason) in strict.parse(answer).items() if reason is not None]
    except (ValueError, AttributeError, TypeError) as error:
        raise InstallError(_("Importing {names} returned no result.").format(names=", ".join(names))) from error
    for name, reason in failed:
        raise InstallError(_("{name} cannot be imported: {reason}").format(name=name, reason=reason))


def check_smoke(manifest: Manifest, way: Way, progress: Progress) -> None:
    """Raise InstallError unless the profile's smoke commands exit 0."""
    for name, *arguments in manifest.application.smoke:
        with progress.wait(_("Testing the application: {command}").format(command=" ".join([name, *arguments]))):
            ended = way.run([name, *arguments], SMOKE_TIMEOUT)
        require_success(ended, name, arguments)


def check_health(prefix: Prefix, manifest: Manifest, progress: Progress) -> None:
    """Raise InstallError unless the active release works with the rights of the data's owner.

    1. The core modules import, in the release's own interpreter.
    2. The profile's smoke commands exit 0, called through PREFIX/bin.
    3. Each model with a probe returns the embedding in the manifest, asked through PREFIX/bin.
    """
    active = prefix.active()
    if active is None:
        raise InstallError(_("No release is active."))
    installation = Installation(prefix, active, manifest)
    _check_sealed(installation, _through_bin(installation), progress)


def check_aside(installation: Installation, progress: Progress) -> None:
    """Raise InstallError unless a release that another has replaced passes the same trial, without PREFIX/bin."""
    _check_sealed(installation, _aside(installation), progress)


def _check_sealed(installation: Installation, way: Way, progress: Progress) -> None:
    check_imports(installation, progress)
    check_smoke(installation.manifest, way, progress)
    check_answers(installation.manifest, way, progress)


def check_answers(manifest: Manifest, way: Way, progress: Progress) -> None:
    """Raise InstallError unless each model with a probe returns the embedding of the probe."""
    for model in manifest.models:
        if model.probe is None:
            continue
        name, *arguments = model.probe.command
        with progress.wait(_("Querying the model {name}").format(name=model.name)):
            ended = way.run([name, *arguments, model.probe.sentence], IMPORT_TIMEOUT)
        require_success(ended, name, arguments)
        answer = embedding_in(ended.stdout)
        reason = _("it did not print a list of numbers") if answer is None else difference(answer, model.probe)
        if reason:
            raise InstallError(
                _("The model {name} returns a wrong result: {reason}.").format(name=model.name, reason=reason)
            )


def require_unchanged(release: Release, before: dict[str, tuple[int, int, int]]) -> None:
    """Raise InstallError if a sealed release changed since ``before``, which root can do but other users cannot."""
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
    """Raise InstallError unless a command of the application exited with 0 in time."""
    if ended.ok:
        return
    reason = _("it timed out") if ended.timed_out else _("exit code {n}").format(n=ended.returncode)
    raise InstallError(
        _("{command} failed ({reason}): {last}").format(
            command=" ".join([name, *arguments]), reason=reason, last=last_line(ended.stderr)
        ),
        advice=_("Send the log, which has the full output, to whoever built the bundle."),
    )


def last_line(text: str) -> str:
    """Return the last non-empty line, at most 300 characters of it, for an error message."""
    return process.last_line(text)[:300] or _("no message")
