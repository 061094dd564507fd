"""Compile and update the translations that shared/i18n.py loads.

``python -m tools.catalogues`` compiles them (.po to .mo) next to their sources; with ``update`` it
first updates each .po with the messages of the code.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from builder.zipapp.catalogues import compile_all, read

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "shared" / "locale"
SOURCES = ("bootstrap", "builder", "bundle", "fleet", "installer", "recovery", "shared", "validator")
# no dates or tool versions, so that the file changes only with its messages
HEADER = r"""msgid ""
msgstr ""
"Project-Id-Version: ragtrace-offline\n"
"Language: {language}\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Content-Transfer-Encoding: 8bit\n"
"Plural-Forms: nplurals=1; plural=0;\n"

"""
KEYWORDS = {"_": 1, "plural": 2}  # the number of message arguments


def sources() -> list[Path]:
    """Return the source files with messages for operators."""
    alone = [ROOT / "build_zipapp.py", ROOT / "tools" / "argparse_texts.py"]
    return [*alone, *(path for folder in SOURCES for path in sorted((ROOT / folder).rglob("*.py")))]


def extract() -> Catalog:
    """Return every message that is passed to ``_`` or ``plural``, with its file."""
    found = Catalog(project="ragtrace-offline", charset="utf-8", fuzzy=False)
    for path in sources():
        for message in texts(path):
            found.add(message, locations=[(path.relative_to(ROOT).as_posix(), 0)])
    return found


def texts(path: Path) -> Iterator[str | tuple[str, str]]:
    """Yield the messages of a file, including those inside f-strings, which Babel's extractor skips.

    Raises ValueError if a message is not a literal, because it could not be translated.
    """
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS:
            literals = [
                argument.value
                for argument in node.args[: KEYWORDS[node.func.id]]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            ]
            if len(literals) != KEYWORDS[node.func.id]:
                raise ValueError(f"{path}, line {node.lineno}: {ast.unparse(node)} is no literal")
            yield literals[0] if len(literals) == 1 else (literals[0], literals[1])


def update(po: Path) -> int:
    """Update a .po from the code and return the number of messages without a translation.

    New messages are added without a translation; messages that the code no longer has are removed.
    """
    known, wanted = read(po), extract()
    fresh = Catalog(locale=known.locale, charset="utf-8", fuzzy=False)
    for message in wanted:
        if message.id:
            old = known.get(message.id)
            fresh.add(message.id, old.string if old and not old.fuzzy else None, locations=message.locations)
    with po.open("wb") as file:
        file.write(HEADER.format(language=known.locale).encode())
        write_po(file, fresh, width=110, sort_output=True, include_lineno=False, omit_header=True)
    return sum(1 for message in fresh if message.id and not message.string)


if __name__ == "__main__":
    if sys.argv[1:] == ["update"]:
        for catalogue in LOCALES.rglob("*.po"):
            print(f"{catalogue.relative_to(ROOT)}: {update(catalogue)} texts without a translation")
    sys.exit(not compile_all(LOCALES, LOCALES))
