"""What tests of installations share: opening a tiny bundle, and looking at what lies on disk."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from bundle.opening import open_bundle
from bundle.signing.policy import pins
from bundle.signing.signature import parse_public_key
from installer.install import install as story
from shared.terminal.progress import NoProgress

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.opening import Bundle
    from installer.install.install import Outcome
    from installer.layout.prefix import Prefix
    from tests.tiny import Tiny

QUIET = NoProgress()


def opened(tiny: Tiny) -> Bundle:
    return open_bundle(tiny.folder, pins([parse_public_key(tiny.key.read_text())]))


def install(tiny: Tiny, prefix: Prefix) -> Outcome:
    """Install a bundle as the story tells it, without what the host remembers of others."""
    return story.install(opened(tiny), prefix, QUIET)


def snapshot(root: Path, *leave_out: str) -> dict[str, str]:
    """Return everything below a folder: path → what it is, and its digest or where it leads."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, root)
            if relative.startswith(leave_out):
                continue
            if os.path.islink(path):
                found[relative] = f"-> {os.readlink(path)}"
            elif os.path.isdir(path):
                found[relative] = "folder"
            else:
                with open(path, "rb") as file:
                    found[relative] = hashlib.sha256(file.read()).hexdigest()
    return found


# what may differ after a run that changed nothing: its lock, its journal, and what it tells of itself
NOTES = ("state/lock", "state/journal.json", "state/audit", "state/logs", "state/previous", "state/unfinished")
