"""The parser of every command line: argparse in the operator's language, with JSON output for usage errors.

argparse translates its messages through its own names ``_`` and ``ngettext`` (3.9 to 3.15): they are replaced here with
this tool's, whose catalogues contain these messages (tools/argparse_texts.py).
"""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared.i18n import _, plural
from shared.terminal import console
from shared.terminal.columns import HelpFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

argparse._ = _  # type: ignore[attr-defined]
argparse.ngettext = plural  # type: ignore[attr-defined]


class Parser(argparse.ArgumentParser):
    """Wraps help by columns; subcommands get parsers of the same class."""

    as_json = False
    outer: Parser | None = None  # the command's, if this is an action's: both fill one namespace
    namespace: argparse.Namespace

    def __init__(self, **options: Any) -> None:
        self.options: dict[tuple[str, ...], dict[str, Any]] = {}
        super().__init__(**{"formatter_class": HelpFormatter, **options})

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """Add an argument; a positional one with choices is shown by its choices rather than its variable's name."""
        if "choices" in options and not names[0].startswith("-"):
            options.setdefault("metavar", "{" + ",".join(options["choices"]) + "}")
        if names[0].startswith("-") and options.get("action") not in {"help", "version"}:
            self.options[names] = options
        return super().add_argument(*names, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse arguments; --json is detected first, because an error may have to be reported before it is parsed."""
        words = sys.argv[1:] if args is None else args
        self.as_json = "--json" in words or (self.outer is not None and self.outer.as_json)
        if namespace is None:
            namespace = argparse.Namespace() if self.outer is None else self.outer.namespace
        self.namespace = namespace
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Report a usage error and exit with 2."""
        if not self.as_json:
            super().error(console.sentence(message))  # it may quote the name of a file on a medium
        from shared.errors import UsageError
        from shared.terminal.commandline import complain

        sys.exit(complain(UsageError(f"{message}.", advice=_("See --help.")), as_json=True))


@contextmanager
def actions(command: Parser, default: str | None = None) -> Iterator[Callable[[str, str], Parser]]:
    """Yield a function that adds an action to a command: it returns a parser for a name and a line of help.

    The argument ``action`` is the name of the one that was requested. The help of each lists its own options and the
    command's. For existing scripts, every option is also accepted before the action and with the other actions.
    """
    table = command.add_subparsers(dest="action", required=default is None)
    command.set_defaults(action=default)
    shown = dict(command.options)
    added: dict[str, Parser] = {}

    def add(name: str, text: str) -> Parser:
        added[name] = table.add_parser(name, help=text, description=text)
        added[name].outer = command
        return added[name]

    yield add
    table.metavar = "{" + ",".join(added) + "}"
    used = {names: options for each in added.values() for names, options in each.options.items()}
    hidden = {names: {**options, "help": argparse.SUPPRESS} for names, options in used.items()}
    _complete(command, {**hidden, **(added[default].options if default else {})})
    for each in added.values():
        _complete(each, {**hidden, **shown})


def _complete(parser: Parser, known: dict[tuple[str, ...], dict[str, Any]]) -> None:
    for names, options in known.items():
        if names not in parser.options:
            parser.add_argument(*names, **options)
