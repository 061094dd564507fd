"""Programs of ours that another interpreter runs, which gets them as text and imports nothing of ours.

Each is a file of shared/programs. As text, because whoever runs it may have no way to where we lie. Its answer is JSON
in a line of its own after a mark: modules print while they are imported, and at exit.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "programs"
MARK = "ragtrace-answer "


def text(name: str) -> str:
    """Return the program that ``python -c`` runs, for example ``scripts/import_modules``."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def answer(stdout: str) -> str | None:
    """Return what a program answered, as it was written; None where it did not answer."""
    lines = [line for line in stdout.splitlines() if line.startswith(MARK)]
    return lines[-1][len(MARK) :] if lines else None
