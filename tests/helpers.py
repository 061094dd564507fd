"""What tests of installations share: opening a tiny bundle, and looking at what lies on disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from bundle.opening import open_bundle
from bundle.signing.policy import pins
from bundle.signing.signature import parse_public_key
from installer.install import install as story
from installer.trust.admission import Candidate, Conditions, admit
from installer.trust.stores import TrustStores
from shared.terminal.progress import NoProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.opening import Bundle
    from installer.change.outcome import Outcome
    from installer.layout.prefix import Prefix
    from installer.trust.admission import AdmittedBundle
    from shared.terminal.progress import Progress
    from tests.tiny import Tiny

QUIET = NoProgress()


def opened(tiny: Tiny) -> Bundle:
    return open_bundle(tiny.folder, pins([parse_public_key(tiny.key.read_text())]))


@contextlib.contextmanager
def forgetful() -> Iterator[TrustStores]:
    """Give places of trust that know nothing and are gone afterwards, so that one test knows nothing of another."""
    folder = Path(tempfile.gettempdir(), f"ragtrace-trust-{uuid4().hex}")
    owner = os.geteuid() if hasattr(os, "geteuid") else 0
    try:
        yield TrustStores(folder, folder, folder, privileged=True, owner=owner)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def install(tiny: Tiny, prefix: Prefix, progress: Progress = QUIET) -> Outcome:
    """Install a bundle as the story tells it, without what the host remembers of others."""
    return install_opened(opened(tiny), prefix, progress)


def install_opened(bundle: Bundle, prefix: Prefix, progress: Progress = QUIET) -> Outcome:
    """Do the same with an opened one."""
    with forgetful() as trust_stores:
        return story.install(Candidate(bundle, prefix, trust_stores), progress)


def admitted(bundle: Bundle, prefix: Prefix) -> AdmittedBundle:
    """Return an opened bundle as it is admitted in a prefix, whatever the clock says."""
    with forgetful() as trust_stores:
        return admit(Candidate(bundle, prefix, trust_stores, Conditions(accept_clock=True)))


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
