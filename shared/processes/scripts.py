"""Programs of this tool that another interpreter runs as text, and that import none of this tool's modules.

Each is a file of shared/programs. They are passed as text, because the account that runs them may not be able to read
this tool's folder. The answer is JSON on a separate line after a mark, because modules print during import and exit.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "programs"
MARK = "ragtrace-answer "


def text(name: str) -> str:
    """Return the source of a program for ``python -c``, for example ``imports/import_modules``."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def answer(stdout: str) -> str | None:
    """Return a program's answer as it was printed, or None if it did not answer."""
    lines = [line for line in stdout.splitlines() if line.startswith(MARK)]
    return lines[-1][len(MARK) :] if lines else None
