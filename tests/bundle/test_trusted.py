"""How much code stands between foreign bytes and an accepted signature: counted, so that it stays little.

Counted are lines of code, without blank lines, comments and docstrings, of whole modules.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# what meets bytes for which no accepted signature stands yet: the launcher, what opens a bundle, the sums, their
# signatures, the policy
BEFORE = (
    *("bootstrap/launch/*.py", "shared/files/owners.py", "shared/files/refused.py"),
    *("bundle/opening.py", "bundle/digest.py", "bundle/signing/signature.py", "bundle/signing/policy.py"),
)
BEFORE_LIMIT = 1020
# what then reads the signed manifest, and compares the archive with it byte by byte
AFTER = ("bundle/manifest.py", "bundle/product/model.py", "bundle/reading/*.py")
# what these rely on: strict JSON, names that every host can hold
GROUND = ("bundle/strict.py", "bundle/names.py")
WHOLE_LIMIT = 1758

LAYOUT = (
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
)


def code_lines(source: str) -> int:
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False):
            lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


def count(*patterns: str) -> int:
    paths = [path for pattern in patterns for path in ROOT.glob(pattern)]
    assert len(paths) >= len(patterns)
    return sum(code_lines(path.read_text(encoding="utf-8")) for path in paths)


def test_lines_are_counted_as_said() -> None:
    source = (
        '"""Doc\nstring."""\n\n# comment\nX = (\n    1,\n)\n\n\ndef f():\n    """One."""\n    return """a\nb"""  # c\n'
    )
    assert code_lines(source) == 6


def test_what_runs_before_a_signature_is_accepted_stays_small() -> None:
    assert count(*BEFORE) <= BEFORE_LIMIT


def test_all_that_a_bundle_is_verified_with_stays_small() -> None:
    assert count(*BEFORE, *AFTER, *GROUND) <= WHOLE_LIMIT
