"""Running parts of an installed release to see whether they work, without changing a byte of it or of the user's.

Commands run in a scratch prefix, laid out as a real one: its launchers, launch.py and application are copies, as
read-only as what they are copies of; the persistent folders hold what the source ships, everything else of the
release is a link. Its .env is empty, so that a program that looks for one in the folders above ends its search there.

Where root has installed for a service account, programs have the rights of that account, and the scratch prefix is its:
all is laid before it is given, and what root still does in it is done with the account's rights.
"""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundle import strict
from installer.layout import seal, service
from installer.layout.prefix import Prefix, Release
from installer.release import acceptance, launchers
from installer.release.digests import longest
from installer.release.installation import Installation
from installer.userdata import copies, persist
from shared import reading, troubles
from shared.errors import ToolError
from shared.files import trees, trials
from shared.i18n import _
from shared.processes import process, supervised
from shared.programs import app_launcher
from validator.check import ERROR, SKIP, UncheckedError
from validator.trials import apart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bundle.manifest import Manifest

SHELL = "/bin/sh"
STARTS = ("launch.py", "run.json")  # without them nothing can be tried
OF_THE_SEAL = ("receipt.json", "COMPLETE")  # nothing is sealed here
# the answer has a line of its own after a mark, because modules print while they are imported
MARK = "ragtrace-answer "
_looked_through: list[tuple[Path, Manifest]] = []  # the last one that holds nothing but what can be read
IMPORT = """
import importlib, json, sys, time
started = time.perf_counter()
try:
    importlib.import_module(sys.argv[1])
    reason = None
except BaseException as error:
    reason = f"{type(error).__name__}: {error}"
seconds = time.perf_counter() - started
sys.__stdout__.write("\\nragtrace-answer " + json.dumps([seconds, reason]) + "\\n")
sys.__stdout__.flush()
"""
# a small parent, because a program's peak counts what its parent had before (getrusage(2))
TIME = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.call(sys.argv[1:])
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print("\\nragtrace-answer " + json.dumps([seconds, peak]))
sys.exit(code if code >= 0 else 128 - code)
"""


@dataclass(frozen=True)
class Took:
    """What a program took: seconds from its start to its end, and the peak of its memory in bytes, where known."""

    seconds: float
    peak: int | None


@dataclass(frozen=True)
class Imported:
    """How an import went: seconds that it took, or None, and why it failed, or None."""

    seconds: float | None
    reason: str | None


def environment(installation: Installation) -> dict[str, str]:
    """Return the application's environment with placeholders, under which no bytecode is written.

    Raises UncheckedError where what would run could wait for ever.
    """
    demand_files(installation)
    env = acceptance.trial_environment(installation, acceptance.basic_environment())
    return {**env, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}


def demand_files(installation: Installation) -> None:
    """Raise UncheckedError where a release holds what no program can read to its end: then none is started.

    A run of checks reads the manifest once, and looks through the release once.
    """
    release, manifest = installation.release, installation.manifest
    if any(path == release.path and known is manifest for path, known in _looked_through):
        return
    most = longest(manifest)
    for entry in trees.entries(str(release.path)):
        mode, size = (status := entry.stat(follow_symlinks=False)).st_mode, status.st_size
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)) or size > most or _is_device(entry):
            path = os.path.relpath(entry.path, release.path)
            raise UncheckedError(
                ERROR, _("the release is not started: {path} is a special file or too large").format(path=path)
            )
    _looked_through[:] = [(release.path, manifest)]


def _is_device(entry: os.DirEntry[str]) -> bool:
    """Tell whether a link leads to a device, a pipe or a socket."""
    if not entry.is_symlink():
        return False
    try:
        mode = entry.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def run_python(installation: Installation, arguments: Sequence[str], *, timeout: float) -> process.Completed:
    """Run the release's interpreter as the application would, in an empty folder."""
    argv, account = [str(installation.release.python), *arguments], service.account_of(installation.prefix.data)
    with trials.scratch(account=account) as folder:
        service.give(folder, account)
        return process.run(argv, env=environment(installation), cwd=folder, timeout=timeout, account=account)


def run_launcher(
    installation: Installation, command: Sequence[str], *, timeout: float, offline: bool = False
) -> process.Completed:
    """Run a command of PREFIX/bin as a user starts it, but with placeholders and scratch data.

    ``offline`` takes the network away where that can be. Raises ToolError when it cannot be started.
    """
    with scratch_copy(installation) as scratch:
        argv, env = launcher(scratch, command)
        return run_in(scratch, argv, env=env, cwd=caller(scratch), timeout=timeout, offline=offline)


def run_in(scratch: Installation, argv: Sequence[str], **options: Any) -> process.Completed:
    """Run a program in a scratch prefix with the rights of whom it belongs to; ``options`` are those of apart.run."""
    return apart.run(argv, account=service.account_of(scratch.prefix.root), **options)


def run_program(
    installation: Installation, text: str, arguments: Sequence[str], *, timeout: float
) -> process.Completed:
    """Run lines of our own as the application would, in its folder, with placeholders, scratch data and no network.

    Raises ToolError when it cannot be started.
    """
    with scratch_copy(installation) as scratch:
        argv = [str(scratch.release.python), "-c", app_launcher.PROGRAM, text, "program", *arguments]
        return run_in(scratch, argv, env=environment(scratch), cwd=scratch.release.app, timeout=timeout)


def time_launcher(
    installation: Installation, command: Sequence[str], *, timeout: float
) -> tuple[Took | None, process.Completed]:
    """Run a command as run_launcher does, without a network, and return what it took; None when it did not end."""
    with scratch_copy(installation) as scratch:
        argv, env = launcher(scratch, command)
        if sys.platform != "win32":
            argv = [supervised.interpreter(), "-I", "-S", "-B", "-c", TIME, *argv]
        started = time.perf_counter()
        ended = run_in(scratch, argv, env=env, cwd=caller(scratch), timeout=timeout)
        seconds = time.perf_counter() - started
    if sys.platform == "win32":
        return Took(seconds, None), ended
    answer = answer_in(ended)
    return (Took(*answer) if answer else None), ended


def run_timing_imports(installation: Installation, command: Sequence[str], *, timeout: float) -> process.Completed:
    """Run a command as run_launcher does, without a network, under ``-X importtime``."""
    with scratch_copy(installation) as scratch:
        place, run = str(scratch.release.path), launchers.run_of(scratch.manifest)
        ours = {**acceptance.basic_environment(), "HF_HUB_OFFLINE": "1"}
        template = dict(scratch.manifest.application.environment.placeholders)
        env = app_launcher.environment(place, run, ours, template)
        argv, folder = app_launcher.command(place, run, command[0], list(command[1:]))
        argv[1:1] = ["-X", "importtime"]
        cwd = Path(folder) if folder else caller(scratch)
        return run_in(scratch, argv, env=env, cwd=cwd, timeout=timeout)


def forget(folder: Path) -> bool:
    """Ask the system to drop a folder's files from its cache; tell whether that can be asked here."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for entry in trees.entries(str(folder)):
        if not entry.is_file(follow_symlinks=False):
            continue
        try:
            handle = reading.open_regular(entry.path)
        except OSError:
            continue
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
    return True


def answer_in(ended: process.Completed) -> Any:
    """Return what one of our own scripts answered in a line after the mark, or None."""
    line = next((line for line in reversed(ended.stdout.splitlines()) if line.startswith(MARK)), None)
    return None if line is None else parsed(line[len(MARK) :])


def parsed(answer: str) -> Any:
    """Return what a program of ours answered in the application's interpreter; raises UncheckedError for no JSON."""
    try:
        return strict.parse(answer)
    except ValueError as error:
        raise UncheckedError(ERROR, _("its output cannot be read: {reason}").format(reason=error)) from error


def caller(scratch: Installation) -> Path:
    """Return the folder of a scratch prefix for whoever calls: programs write reports where they are called."""
    return scratch.prefix.root / "caller"


def launcher(scratch: Installation, command: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return argv and environment of a command of a scratch prefix; raises ToolError when it has no such launcher."""
    manifest = scratch.manifest
    argv = launchers.argv(scratch.prefix, manifest, command[0], command[1:])
    if not os.path.isfile(argv[0]):
        raise ToolError(_("{path} is missing.").format(path=f"bin/{os.path.basename(argv[0])}"))
    # by the shell that its first line names: the scratch folder of a user who may only look
    if os.name == "posix" and os.path.dirname(argv[0]) == str(scratch.prefix.bin):
        argv = [SHELL, *argv]  # may lie where nothing is executed
    env = {**acceptance.basic_environment(), **manifest.application.environment.placeholders, "HF_HUB_OFFLINE": "1"}
    return argv, env


@contextmanager
def scratch_copy(installation: Installation) -> Iterator[Installation]:
    """Lay out a prefix to try the application in, beside the state of the real one where that can be written.

    Raises ToolError when what it takes is not there, UncheckedError where the filesystem makes no links.
    """
    demand_files(installation)
    account = service.account_of(installation.prefix.data)
    with _scratch_folder(installation.prefix, account) as root:
        prefix, name = Prefix(root), installation.release.path.resolve().name
        scratch = Installation(prefix, Release(prefix.releases / name), installation.manifest)
        try:
            _lay_scratch(installation, scratch)
            service.give(root, account)
        except OSError as error:
            told = troubles.words(error, near=root)
            what = _("the release cannot be tried: {reason}").format(reason=told.what)
            raise ToolError(what, advice=told.advice) from error
        yield scratch


@contextmanager
def _scratch_folder(prefix: Prefix, account: process.Account | None) -> Iterator[Path]:
    """Make a folder beside the state, for the sake of links, or elsewhere for an account, or one who may only look."""
    if account is None and os.access(prefix.state, os.W_OK | os.X_OK):
        with trials.folder(prefix.state) as root:
            yield root
        return
    with trials.scratch(account=account) as root:
        yield root


def _copy_small(source: Path, target: Path) -> None:
    """Copy a file that lies in a release itself, as long as such a file may be."""
    target.write_bytes(reading.read(source, app_launcher.RUN_LIMIT))
    target.chmod(stat.S_IMODE(source.stat().st_mode))


def _lay_scratch(installation: Installation, scratch: Installation) -> None:
    """Copy what a program could write into, lead to the rest."""
    prefix, manifest, release = installation.prefix, installation.manifest, scratch.release
    installed = installation.release.path.resolve()
    theirs = {str(installed / "app" / folder) for folder in manifest.application.persist}

    release.path.mkdir(parents=True)
    copies.copy_tree(installed / "app", release.app, but=lambda entry: entry.path in theirs)
    for name in STARTS:
        _copy_small(installed / name, release.path / name)
    for path in installed.iterdir():
        if path.is_dir() and path.name != "app":
            _lead(release.path / path.name, path)
        elif reading.is_regular(path) and path.name not in (*STARTS, *OF_THE_SEAL):
            _copy_small(path, release.path / path.name)
    if manifest.application.models_apart and prefix.models.is_dir():
        _lead(scratch.prefix.models, prefix.models)
    persist.lay_scratch(scratch.prefix.data, manifest, installation.store)
    _link_persistent(scratch)
    scratch.prefix.data.mkdir(exist_ok=True)
    scratch.prefix.env_file.touch()
    caller(scratch).mkdir()
    copies.copy_tree(prefix.bin, scratch.prefix.bin)
    scratch.prefix.point_at(release)


def _link_persistent(scratch: Installation) -> None:
    """Link the persistent folders; the folders that take the links are as read-only afterwards as they were.

    The copy of a sealed folder takes no link, except from root.
    """
    release, manifest = scratch.release, scratch.manifest
    parents = {(release.app / folder).parent for folder in manifest.application.persist}
    modes = {parent: parent.stat().st_mode for parent in parents if parent.is_dir()}
    for parent in modes:
        parent.chmod(seal.OPEN)
    persist.link_to(release, manifest, scratch.prefix.data)
    for parent, mode in modes.items():
        parent.chmod(mode)


def _lead(place: Path, folder: Path) -> None:
    try:
        persist.lead(place, folder)
    except OSError as error:  # the installation itself may do without
        reason = _("folders in {path} cannot be linked: {reason}")
        raise UncheckedError(SKIP, reason.format(path=place.parent, reason=troubles.reason(error))) from error


def try_import(installation: Installation, module: str, *, timeout: float) -> Imported:
    """Import a module in a fresh interpreter of the release; a crash, exit or hang is a reason too."""
    try:
        ended = run_python(installation, ["-c", IMPORT, module], timeout=timeout)
    except ToolError as error:
        return Imported(None, error.what)
    answer = answer_in(ended)
    if answer is None or not ended.ok:
        return Imported(None, ending(ended, timeout))
    seconds, reason = answer
    return Imported(None if reason else seconds, reason)


def ending(ended: process.Completed, timeout: float) -> str:
    """Return how a program that did not do its work ended, in words."""
    if ended.timed_out:
        return _("timed out after {limit:.0f} s").format(limit=timeout)
    if ended.returncode < 0 and os.name == "posix":
        names = {number.value: number.name for number in signal.Signals}
        return _("terminated by signal {name}").format(name=names.get(-ended.returncode, -ended.returncode))
    return _("exited with code {code}: {last}").format(code=ended.returncode, last=acceptance.last_line(ended.stderr))
