"""Profiles that tests write into a project, and what several of them say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

REVISION = "0123456789abcdef0123456789abcdef01234567"
MODEL = '[[models]]\nname = "small"\n'
LAUNCHER = '[[launchers]]\nname = "app"\nkind = "{kind}"\ntarget = "{target}"\n'


def write(project: Path, text: str) -> Path:
    path = project / "ragtrace-profile.toml"
    path.write_text(text, encoding="utf-8")
    return path
