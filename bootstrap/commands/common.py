"""Shared code of the commands: options, output, and the log of a run."""

from __future__ import annotations

import argparse
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap import api
from installer.layout.location import placement
from installer.layout.location.finding import find_prefix, prefix_at
from installer.logs import identity, runlog
from installer.logs.runlog import LOG
from shared.errors import HostError, RagtraceError, UsageError
from shared.files import folders, temp_folders
from shared.i18n import _, plural
from shared.terminal.commandline import DONE
from shared.terminal.console import complain, sentence, show
from shared.terminal.progress import Progress, make_progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bundle.signing.policy import Signer
    from installer.change.outcome import Outcome
    from installer.change.retention import Collected
    from installer.layout.prefix import Prefix
    from installer.logs.syslog import Collector
    from installer.release.lacks import Lacks
    from installer.trust.admission import Conditions

MOST_DIGITS = 6  # digits in a number of days: timedelta accepts at most nine


def add_bundle(parser: argparse.ArgumentParser) -> None:
    """Add the bundle argument and the option for trusted keys."""
    parser.add_argument(
        "bundle",
        nargs="?",
        type=Path,
        metavar=_("BUNDLE"),
        help=_("the bundle's folder, archive or unpacked root (default: the folder of this tool)"),
    )
    add_trust_key(parser)


def add_asset(parser: argparse.ArgumentParser) -> None:
    """Add the option for the asset name."""
    parser.add_argument(
        "--asset",
        type=_asset,
        metavar=_("NAME"),
        help=_("the name of this host in your asset register, for receipts and reports; it is stored"),
    )


def _asset(text: str) -> str:
    """Parse an asset name. Raises ArgumentTypeError."""
    try:
        return identity.asset_name(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(f"{error.what} {error.advice}") from error


def add_trust_key(parser: argparse.ArgumentParser) -> None:
    """Add the option for trusted keys."""
    parser.add_argument(
        "--trust-key",
        action="append",
        default=[],
        metavar=_("KEY"),
        help=_("trust this public key (a .pub file) if neither this host nor this tool specifies any; may be repeated"),
    )


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Add the option to wait for another run."""
    parser.add_argument(
        "--wait", type=_seconds, default=0.0, metavar=_("SECONDS"), help=_("wait this long for another run to finish")
    )


def add_time(parser: argparse.ArgumentParser) -> None:
    """Add the options for checking a release's date."""
    parser.add_argument(
        "--accept-clock",
        action="store_true",
        help=_("continue even if the bundle's date is ahead of this host's clock"),
    )
    parser.add_argument(
        "--require-fresh",
        type=_days,
        metavar=_("DAYS"),
        help=_("reject a bundle older than this, or one whose signer's key has expired"),
    )


def _seconds(text: str) -> float:
    """Parse seconds to wait; ``inf`` is valid, but ``nan`` is not, because no comparison with it is true.

    Raises ArgumentTypeError.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(_("{text!r} is not a non-negative number of seconds").format(text=text))
    return seconds


def _days(text: str) -> int:
    """Parse an age in days. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise argparse.ArgumentTypeError(_("{text!r} is not a non-negative whole number of days").format(text=text))
    return int(text)


def conditions_of(arguments: argparse.Namespace) -> Conditions:
    """Return the conditions from the options of ``add_time``."""
    from installer.trust.admission import Conditions

    return Conditions(arguments.accept_clock, arguments.require_fresh)


def time_options(arguments: argparse.Namespace) -> list[str]:
    """Return the options of ``add_time`` that were given, to be passed to another run."""
    fresh = [] if arguments.require_fresh is None else ["--require-fresh", str(arguments.require_fresh)]
    return (["--accept-clock"] if arguments.accept_clock else []) + fresh


def progress_of(arguments: argparse.Namespace) -> Progress:
    """Return the progress display for the options."""
    return make_progress(quiet=arguments.quiet)


def tidy() -> None:
    """Remove temporary files that killed runs left outside of any installation."""
    from bootstrap.api import here
    from installer.trust import memory

    temp_folders.tidy()
    with suppress(RagtraceError):  # a user without a home directory
        memory.tidy(here.trust_stores().own)


def settle_prefix_option(arguments: argparse.Namespace) -> int:
    """Check the working folder, and replace the option for the prefix by the folder that was found and checked.

    This comes before a log or anything else is opened there.
    """
    placement.require_working_folder()
    if arguments.prefix is not None:
        arguments.prefix = prefix_at(arguments.prefix).root
    return DONE


@contextmanager
def logged(arguments: argparse.Namespace) -> Iterator[None]:
    """Log a whole run to a file, and to the log collector if one is specified.

    ``install`` starts its log file itself, because its prefix is not known before it opens the bundle;
    ``uninstall`` writes its log to the user's state folder, because it removes the prefix. A dry run has no log file.
    """
    before, command = list(LOG.handlers), arguments.command
    with runlog.begun():
        collector, prefix = _collector(arguments), available_prefix(arguments.prefix)
        if prefix is not None:
            runlog.hide(runlog.secrets_of(prefix.env_file))
        if command != "install" and not getattr(arguments, "dry_run", False):
            start_log(None if command == "uninstall" else prefix, command)
        try:
            yield
        finally:
            if collector is not None:
                _end_collector(collector)
            runlog.end([handler for handler in LOG.handlers if handler not in before])


def _collector(arguments: argparse.Namespace) -> Collector | None:
    """Return the handler that sends this run's log to the collector of the options, or None."""
    if arguments.syslog is None:
        return None
    from installer.logs import syslog

    collector = syslog.collector_for(arguments.syslog, arguments.command)
    runlog.send_to(collector, runlog.Lines(arguments.command, arguments.syslog.limit))
    return collector


def _end_collector(collector: Collector) -> None:
    """Close a collector, and warn on the screen and in the log file of the lines that it did not get."""
    runlog.end([collector])
    address, reason = collector.address.short, collector.reason or _("it did not accept them in time")
    if collector.lost:
        text = plural(
            "{count} log line was not delivered to {address}: {reason}",
            "{count} log lines were not delivered to {address}: {reason}",
            collector.lost,
        ).format(count=collector.lost, address=address, reason=reason)
    elif collector.waiting:
        text = plural(
            "{count} log line was not delivered to {address}: {reason}; the next command sends it",
            "{count} log lines were not delivered to {address}: {reason}; the next command sends them",
            collector.waiting,
        ).format(count=collector.waiting, address=address, reason=reason)
    else:
        return
    LOG.warning(text)
    complain(_("warning: {text}").format(text=text))


def available_prefix(named: Path | None) -> Prefix | None:
    """Return the prefix that the command applies to, or None if it cannot be determined."""
    try:
        return find_prefix(named)
    except (RagtraceError, OSError):
        return None


def start_log(prefix: Prefix | None, command: str) -> None:
    """Start this run's log file in the prefix, or in the user's state folder if there is no prefix."""
    try:
        if prefix is not None:
            runlog.hide(runlog.secrets_of(prefix.env_file))
        runlog.to_file(prefix.logs if prefix is not None and prefix.exists else user_logs(), command)
    except (OSError, HostError):
        pass  # a command does not fail because of its log; if the disk has a problem, the command itself reports it


def user_logs() -> Path:
    """Return the folder for logs that belong to no prefix."""
    return folders.user_state(folders.TOOL) / "logs"


def signer_lines(signers: Sequence[Signer]) -> list[str]:
    """Return one line per signer, with the fingerprint in the format of ssh-keygen."""
    return [
        _("signed by {fingerprint} ({name})").format(fingerprint=signer.key.fingerprint, name=signer.name or "-")
        for signer in signers
    ]


def show_collected(collected: Collected) -> None:
    """Print the releases that were removed, and those that remain until their processes have exited."""
    for gone in collected.gone:
        data = _(" and its data in {path}").format(path=gone.data) if gone.data else ""
        show(
            _("Removed:        {release} {version}{data}").format(release=gone.release, version=gone.version, data=data)
        )
    for waiting in collected.in_use:
        reported = _(
            "Still in use:   {release} {version} (processes: {numbers}); the first command after they exit removes it"
        )
        numbers = ", ".join(map(str, waiting.users)) or "?"
        show(reported.format(release=waiting.release, version=waiting.version, numbers=numbers))


def outcome_json(outcome: Outcome, lacking: Lacks) -> dict[str, Any]:
    """Return an outcome as JSON values, including what is still needed before the application can start."""
    return {
        "prefix": str(outcome.prefix),
        "active": outcome.active,
        "former": outcome.former,
        "tool": str(outcome.tool),
        "former_tool": str(outcome.former_tool) if outcome.former_tool else None,
        "audit_head": outcome.audit_head,
        "already": outcome.already,
        "removed": [gone.to_json() for gone in outcome.collected.gone],
        "in_use": [gone.to_json() for gone in outcome.collected.in_use],
        "run": runlog.RUN,
        **lacking.to_json(),
    }


def show_lacking(lacking: Lacks) -> None:
    """Print the path of the settings, and what must be set or copied before the application can start."""
    if lacking.names or lacking.prefix.env_file.exists():
        show(_("Settings:       {path}").format(path=lacking.prefix.env_file))
    for line in lacking.lines():
        show(line)


def show_outcome(outcome: Outcome) -> None:
    """Print the active release and the paths of the installation."""
    show(_("Active release: {release}").format(release=outcome.active))
    show(_("Installed in:   {path}").format(path=outcome.prefix))
    show(_("This tool:      {path}").format(path=outcome.tool))
    if outcome.former_tool:
        reported = _("                Previously {former}: update whatever uses that name, such as scheduled jobs.")
        show(reported.format(former=outcome.former_tool))
    show_collected(outcome.collected)
    show(_("Audit log head: {head}").format(head=outcome.audit_head))


def show_readiness(faults: int) -> None:
    """Print the end of a dry run: ready, or how many things must be fixed first."""
    if faults:
        show(_("Nothing was written."))
        show(plural("{count} thing to fix.", "{count} things to fix.", faults).format(count=faults))
    else:
        show(_("Nothing was written. To do it, run the command again without --dry-run."))
        show(_("Ready."))


def warn_untrusted(reason: str | None) -> None:
    """Warn if the policy in force does not accept the signers of the active release."""
    if reason is None:
        return
    text = _("the policy in force does not accept the signers of the active release: {reason}")
    complain(_("warning: {text}").format(text=text.format(reason=sentence(reason))))
    complain(_("  next: Install a release that it accepts; the active one keeps running."))


def show_audit_head(prefix: Path | None) -> None:
    """Print the head of the audit log, which proves nothing unless it is stored elsewhere."""
    head = api.audit_head(prefix)
    if head:
        show(_("Audit log head: {head}").format(head=head))
