"""The user-visible messages of argparse in CPython 3.9 to 3.15, for the catalogues (shared/terminal/parser.py)."""

from __future__ import annotations

from shared.i18n import _, plural


def texts() -> tuple[str, ...]:
    """Return argparse's messages in the operator's language, except errors that only authors of parsers see."""
    return (
        # 1. --help
        _("usage: "),
        _("%(heading)s:"),
        _("positional arguments"),
        _("optional arguments"),  # 3.9
        _("options"),
        _("subcommands"),
        _("show this help message and exit"),
        _("show program's version number and exit"),
        _(" (default: %(default)s)"),
        # 2. usage errors
        _("%(prog)s: error: %(message)s\n"),
        _("%(prog)s: warning: %(message)s\n"),
        _("argument %(argument_name)s: %(message)s"),
        _("ambiguous option: %(option)s could match %(matches)s"),
        _("can't open '%(filename)s': %(error)s"),
        _("expected one argument"),
        _("expected at most one argument"),
        _("expected at least one argument"),
        plural("expected %s argument", "expected %s arguments", 1),
        _("ignored explicit argument %r"),
        _("invalid %(type)s value: %(value)r"),
        _("invalid choice: %(value)r (choose from %(choices)s)"),
        _("invalid choice: %(value)r, maybe you meant %(closest)r? (choose from %(choices)s)"),  # 3.14
        _("not allowed with argument %s"),
        _("one of the arguments %s is required"),
        _("the following arguments are required: %s"),
        _("unexpected option string: %s"),
        _("unknown parser %(parser_name)r (choices: %(choices)s)"),
        _("unrecognized arguments: %s"),
        _("command '%(parser_name)s' is deprecated"),  # 3.13
        _("option '%(option)s' is deprecated"),
        _("argument '%(argument_name)s' is deprecated"),
    )
