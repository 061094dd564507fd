"""The units of systemd that validate an installation and record its resource usage regularly.

A unit belongs to the user who owns the prefix: root's are the system's, those of other users run in their own systemd.
Nothing here starts or enables a unit (systemd.unit(5), systemd.timer(5)).
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from installer.layout.location import own_command
from installer.monitoring import scheduled_task
from shared import reading
from shared.errors import HostError, RagtraceError
from shared.files import files, folders
from shared.i18n import _
from shared.processes import process
from shared.terminal import exposition
from shared.terminal.console import sentence

if TYPE_CHECKING:
    from installer.layout.prefix import Prefix

SYSTEM = Path("/etc/systemd/system")
RUNNING = Path("/run/systemd/system")  # exists if systemd runs this host (sd_booted(3))
SYSTEMCTL = Path("/usr/bin/systemctl")  # an image that is being made for a host has it, but does not run it
VALIDATE, MONITOR = "validate", "monitor"
JOBS = (VALIDATE, MONITOR)
WHEN = {VALIDATE: "hourly", MONITOR: "minutely"}  # systemd.time(7)
SPREAD = {VALIDATE: "15min", MONITOR: "30s"}  # so that a fleet does not do it all at once
TARGET = "timers.target"
UNIT_LIMIT = 1 << 16  # bytes
COMMAND_SECONDS = 60.0  # of a command of systemd or Windows
MADE_BY = "# Made by ragtrace-install schedule install for "


@dataclass(frozen=True)
class Plan:
    """What to schedule for a prefix: where the metrics go, if anywhere, and which collector gets the logs."""

    prefix: Prefix
    metrics: Path | None = None
    collector: str = ""

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs: without a folder for metrics, monitoring would record nothing."""
        return JOBS if self.metrics is not None else (VALIDATE,)

    def argv(self, job: str) -> list[str]:
        """Return the command of a job."""
        tool = own_command.in_prefix(self.prefix.root)
        argv = [str(tool.with_suffix(".cmd") if sys.platform == "win32" else tool), job, "--quiet"]
        argv += ["--prefix", str(self.prefix.root)]
        # one sample for each start: a process that stays would hold a release that is no longer active
        argv += ["--quick"] if job == VALIDATE else ["--count", "1"]
        argv += ["--syslog", self.collector] if self.collector else []
        if self.metrics is not None:
            ending = "" if job == VALIDATE else "-use"
            argv += ["--output", str(self.metrics / f"{name_of(self.prefix)}{ending}{exposition.ENDING}")]
        return argv


def name_of(prefix: Prefix) -> str:
    """Return the part of names that stands for a prefix: readable, and different for each path."""
    digest = hashlib.sha256(os.fsencode(str(prefix.root))).hexdigest()[:8]
    return f"ragtrace-{re.sub('[^a-z0-9]+', '-', prefix.root.name.lower()).strip('-') or 'app'}-{digest}"


def folder_of(prefix: Prefix) -> Path:
    """Return the folder of the files that schedule a prefix's jobs, for this user."""
    if sys.platform == "win32":
        return scheduled_task.folder_of(prefix)
    return SYSTEM if os.geteuid() == 0 else folders.user_settings("systemd") / "user"


def contents(plan: Plan) -> dict[Path, bytes]:
    """Return the files to write, by path."""
    folder, found = folder_of(plan.prefix), {}
    for job in plan.jobs:
        name = f"{name_of(plan.prefix)}-{job}"
        if sys.platform == "win32":
            found[folder / f"{name}.xml"] = scheduled_task.document(name, plan.argv(job), job)
        else:
            found[folder / f"{name}.service"] = _service(plan, job).encode()
            found[folder / f"{name}.timer"] = _timer(plan, job).encode()
    return found


def install(plan: Plan) -> list[Path]:
    """Write the files, which replace earlier ones of this prefix, and return their paths.

    Raises HostError if this host has neither systemd nor Windows' task scheduler, or if one exists that is not ours.
    """
    planned(plan)
    wanted = contents(plan)
    remove(plan.prefix, sorted(set(existing(plan.prefix)) - set(wanted)))
    for path, data in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomic(path, data)
    return list(wanted)


def planned(plan: Plan) -> list[Path]:
    """Return the paths that ``install`` would write, after checking that it may. Raises HostError if it may not."""
    if sys.platform != "win32" and not RUNNING.is_dir() and not SYSTEMCTL.exists():
        raise HostError(
            _("This host has no systemd."),
            advice=_("Run `validate --quick` and `monitor --count 1` by its own scheduler, for example cron."),
        )
    wanted = list(contents(plan))
    for path in wanted:
        if os.path.lexists(path) and not _is_ours(path, plan.prefix):
            raise HostError(
                _("{path} exists and was not made by this tool.").format(path=path),
                advice=_("Move it away, then run the same command again."),
            )
    return wanted


def existing(prefix: Prefix) -> list[Path]:
    """Return the files that an earlier run made for a prefix; none for a user without a home."""
    kinds = (".xml",) if sys.platform == "win32" else (".timer", ".service")
    try:
        folder = folder_of(prefix)
    except HostError:
        return []
    found = (folder / f"{name_of(prefix)}-{job}{kind}" for job in JOBS for kind in kinds)
    return [path for path in found if os.path.lexists(path) and _is_ours(path, prefix)]


def remove(prefix: Prefix, paths: list[Path]) -> list[str]:
    """Stop jobs of a prefix and remove their files; return what could not be stopped, and why."""
    failed = [reason for argv in commands(prefix, paths, start=False) if (reason := failure(argv))]
    for path in paths:
        link = path.parent / f"{TARGET}.wants" / path.name
        if link.is_symlink():  # what "disable" removes, if systemd could be reached
            files.unlink(link)
        with suppress(FileNotFoundError):
            files.unlink(path)
    return failed


def failure(argv: list[str]) -> str:
    """Run a command of systemd or Windows, and return why it failed, or ''."""
    try:
        done = process.run(argv, timeout=COMMAND_SECONDS)
    except RagtraceError as error:
        return f"{own_command.quoted(argv)}: {error.what}"
    if done.ok:
        return ""
    said = (done.stderr or done.stdout).strip().splitlines()
    return f"{own_command.quoted(argv)}: {sentence(said[-1]) if said else done.returncode}"


def commands(prefix: Prefix, paths: list[Path], *, start: bool) -> list[list[str]]:
    """Return the commands with which an operator starts what was written, or stops it before it is removed."""
    if sys.platform == "win32":
        return scheduled_task.commands(paths, start=start)
    systemctl = ["systemctl"] if folder_of(prefix) == SYSTEM else ["systemctl", "--user"]
    timers = [path.name for path in paths if path.suffix == ".timer"]
    if not timers:
        return []
    if start:
        return [[*systemctl, "daemon-reload"], [*systemctl, "enable", "--now", *timers]]
    return [[*systemctl, "disable", "--now", *timers]]


def _is_ours(path: Path, prefix: Prefix) -> bool:
    if sys.platform == "win32":
        return True  # it lies in the tool's own state
    try:
        text = reading.read(path, UNIT_LIMIT)
    except (OSError, HostError):
        return False
    return bytes(text).startswith(_mark(prefix).encode())


def _mark(prefix: Prefix) -> str:
    return f"{MADE_BY}{prefix.root}\n"


def _service(plan: Plan, job: str) -> str:
    argv = plan.argv(job)
    # systemd starts no program with such characters in its name; a shell does
    if set("\"'\\") & set(argv[0]):
        argv[:0] = ["/bin/sh", "-c", 'exec "$@"', "sh"]
    # only what follows the program is searched for variables (systemd.service(5), COMMAND LINES)
    line = " ".join([_quoted(argv[0]), *(_quoted(word).replace("$", "$$") for word in argv[1:])])
    return f"""{_mark(plan.prefix)}
[Unit]
Description=ragtrace {job}: {_escaped(str(plan.prefix.root))}
ConditionPathExists={_escaped(plan.argv(job)[0])}

[Service]
Type=oneshot
ExecStart={line}
TimeoutStartSec=30min
Nice=10
IOSchedulingClass=idle
"""


def _timer(plan: Plan, job: str) -> str:
    return f"""{_mark(plan.prefix)}
[Unit]
Description=ragtrace {job}, {WHEN[job]}: {_escaped(str(plan.prefix.root))}

[Timer]
OnCalendar={WHEN[job]}
RandomizedDelaySec={SPREAD[job]}
Persistent={"true" if job == VALIDATE else "false"}

[Install]
WantedBy={TARGET}
"""


def _escaped(text: str) -> str:
    """Return a value without specifiers (systemd.unit(5), SPECIFIERS)."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """Return a word of a command line (systemd.syntax(7), QUOTING)."""
    return '"' + _escaped(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
