"""The parser of every command line: argparse's own, in the operator's language, and with JSON for a wrong call.

argparse looks its texts up by the names ``_`` and ``ngettext`` of its own, from 3.9 to 3.14: here they are ours, whose
catalogues have them (tools/argparse_texts.py).
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
    """Wraps help by columns; commands that are added to it have parsers of the same kind."""

    as_json = False
    outer: Parser | None = None  # the command's, where this is an action's: both fill one namespace
    namespace: argparse.Namespace

    def __init__(self, **options: Any) -> None:
        self.options: dict[tuple[str, ...], dict[str, Any]] = {}
        super().__init__(**{"formatter_class": HelpFormatter, **options})

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """Add it as ever; what is chosen by its place is called by its choices, and not by our variable's name."""
        if "choices" in options and not names[0].startswith("-"):
            options.setdefault("metavar", "{" + ",".join(options["choices"]) + "}")
        if names[0].startswith("-") and options.get("action") not in {"help", "version"}:
            self.options[names] = options
        return super().add_argument(*names, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as ever; what is wrong is reported before --json itself may have been parsed."""
        words = sys.argv[1:] if args is None else args
        self.as_json = "--json" in words or (self.outer is not None and self.outer.as_json)
        if namespace is None:
            namespace = argparse.Namespace() if self.outer is None else self.outer.namespace
        self.namespace = namespace
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Tell what is wrong with the call and end with 2."""
        if not self.as_json:
            super().error(console.sentence(message))  # it may quote the name of a file on a medium
        from shared.errors import UsageError
        from shared.terminal.commandline import complain

        sys.exit(complain(UsageError(f"{message}.", advice=_("See --help.")), as_json=True))


@contextmanager
def actions(command: Parser, default: str | None = None) -> Iterator[Callable[[str, str], Parser]]:
    """Yield what adds an action to a command: its name and its line of help give a parser.

    The name of the one that was called is in ``action``. Each shows the options that it uses and the command's. Every
    one is accepted before the action and with the others, too, as scripts may have it.
    """
    table = command.add_subparsers(dest="action", metavar=_("ACTION"), required=default is None)
    command.set_defaults(action=default)
    shown = dict(command.options)
    added: dict[str, Parser] = {}

    def add(name: str, text: str) -> Parser:
        added[name] = table.add_parser(name, help=text, description=text)
        added[name].outer = command
        return added[name]

    yield add
    used = {names: options for each in added.values() for names, options in each.options.items()}
    hidden = {names: {**options, "help": argparse.SUPPRESS} for names, options in used.items()}
    _complete(command, {**hidden, **(added[default].options if default else {})})
    for each in added.values():
        _complete(each, {**hidden, **shown})


def _complete(parser: Parser, known: dict[tuple[str, ...], dict[str, Any]]) -> None:
    for names, options in known.items():
        if names not in parser.options:
            parser.add_argument(*names, **options)
