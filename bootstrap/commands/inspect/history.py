"""``history``: print the past changes: what, when, by whom and from which bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootstrap import api
from bootstrap.commands import common
from shared.i18n import _
from shared.terminal.commandline import DONE
from shared.terminal.console import printable, show, show_json

if TYPE_CHECKING:
    import argparse

    from installer.change.history import Event


def configure(parser: argparse.ArgumentParser) -> None:
    """Add nothing; this command has only the common options."""


def run(arguments: argparse.Namespace) -> int:
    """Print the changes, oldest first."""
    events = api.history(arguments.prefix)
    if arguments.json:
        show_json({"events": [as_json(event) for event in events], "audit_head": api.audit_head(arguments.prefix)})
        return DONE
    if not events:
        show(_("No operations recorded yet."))
    for event in events:
        show(line(event))
        for signer in event.signers:
            show("    " + _("signed by {fingerprint}").format(fingerprint=signer))
        if event.usage is not None:
            show("    " + event.usage.line())
        if event.reason:
            show("    " + printable(event.reason))
    common.show_audit_head(arguments.prefix)
    return DONE


def as_json(event: Event) -> dict[str, Any]:
    """Return an event as JSON values."""
    usage = event.usage.to_json() if event.usage else None
    return {**vars(event), "signers": list(event.signers), "usage": usage}


def line(event: Event) -> str:
    """Return an event as one line."""
    states = {"active": _("active now"), "kept": _("retained")}
    parts = [event.time, event.action, event.outcome, event.version, event.release, event.user]
    parts.append(f"({states[event.state]})" if event.state else "")
    return printable("  ".join(part for part in parts if part))
