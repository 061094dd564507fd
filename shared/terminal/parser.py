"""The parser of every command line: argparse's own, in the operator's language, and with JSON for a wrong call.

argparse looks its texts up by the names ``_`` and ``ngettext`` of its own, from 3.9 to 3.14: here they are ours, whose
catalogues have them (tools/argparse_texts.py).
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from shared.i18n import _, plural
from shared.terminal import console
from shared.terminal.columns import HelpFormatter

if TYPE_CHECKING:
    from typing import NoReturn

argparse._ = _  # type: ignore[attr-defined]
argparse.ngettext = plural  # type: ignore[attr-defined]


class Parser(argparse.ArgumentParser):
    """Wraps help by columns; commands that are added to it have parsers of the same kind."""

    as_json = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": HelpFormatter, **options})

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """Add it as ever; what is chosen by its place is called by its choices, and not by our variable's name."""
        if "choices" in options and not names[0].startswith("-"):
            options.setdefault("metavar", "{" + ",".join(options["choices"]) + "}")
        return super().add_argument(*names, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as ever; what is wrong is reported before --json itself may have been parsed."""
        self.as_json = "--json" in (sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Tell what is wrong with the call and end with 2."""
        if not self.as_json:
            super().error(console.sentence(message))  # it may quote the name of a file on a medium
        from shared.errors import UsageError
        from shared.terminal.commandline import complain

        sys.exit(complain(UsageError(f"{message}.", advice=_("See --help.")), as_json=True))
