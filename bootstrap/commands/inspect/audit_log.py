"""``audit-log``: print the log, verify its chain, or export it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import api
from installer.logs import audit_log
from shared.errors import UsageError
from shared.i18n import _, plural
from shared.terminal.commandline import DONE
from shared.terminal.console import printable, show, show_json
from shared.terminal.parser import actions

if TYPE_CHECKING:
    import argparse

    from shared.terminal.parser import Parser

SHOW, VERIFY, EXPORT = "show", "verify", "export"
LEAST_DIGITS = 16  # as many as error messages show; a shorter prefix could be brute-forced


def configure(parser: Parser) -> None:
    """Add the actions of this command."""
    with actions(parser) as action:
        action(SHOW, _("show the entries, oldest first"))
        _add_head(action(VERIFY, _("verify the chain of the log")))
        exported = action(EXPORT, _("verify the chain and write the log to a file"))
        exported.add_argument("file", type=Path, metavar=_("FILE"), help=_("where export writes the log"))
        _add_head(exported)


def _add_head(parser: Parser) -> None:
    parser.add_argument("--head", metavar=_("HEX"), help=_("a previously stored head of the log to verify it against"))


def run(arguments: argparse.Namespace) -> int:
    """Run the requested action."""
    if arguments.head is not None:
        check_digits(arguments.head)
    if arguments.action == SHOW:
        return show_log(arguments)
    count, head = api.verify_audit_log(arguments.prefix, anchor=arguments.head)
    anchored = arguments.head is not None
    if arguments.action == EXPORT:
        api.export_audit_log(arguments.file, arguments.prefix)
    if arguments.json:
        show_json({"entries": count, "head": head, "anchored": anchored})
        return DONE
    show(plural("{count} entry, chain intact", "{count} entries, chain intact", count).format(count=count))
    show(_("Audit log head: {head}").format(head=head))
    if anchored:
        show(_("anchored: the chain contains the given head"))
    else:
        show(
            _(
                "unanchored: anyone who can write the log could have recreated all of it; specify a stored "
                "head with --head"
            )
        )
    return DONE


def check_digits(head: str) -> None:
    """Raise UsageError unless a string is the beginning of a head other than that of an empty log."""
    if not LEAST_DIGITS <= len(head) <= len(audit_log.GENESIS) or set(head.lower()) - set("0123456789abcdef"):
        raise UsageError(
            _("{head} is not a head of the log.").format(head=printable(head)[:80]),
            advice=_("Specify at least {count} of its hexadecimal digits.").format(count=LEAST_DIGITS),
        )
    if audit_log.GENESIS.startswith(head):
        raise UsageError(
            _("{head} is the head of an empty log, and proves nothing.").format(head=head),
            advice=_("Specify one that a command printed after a change."),
        )


def show_log(arguments: argparse.Namespace) -> int:
    """Print the entries, oldest first."""
    entries = api.audit_entries(arguments.prefix)
    if arguments.json:
        show_json({"entries": entries})
        return DONE
    for entry in entries:
        known = [str(entry.get(name, "")) for name in ("time", "user", "action", "outcome")]
        rest = [f"{name}={value}" for name, value in entry.items() if name not in ("time", "user", "action", "outcome")]
        show(printable("  ".join([*known, *rest])))
    return DONE
