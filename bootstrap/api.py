"""The tool as typed functions, for other programs; the command line is their first user.

Each raises a subclass of bootstrap.errors.RagtraceError whose text says what happened and whose
``advice`` says what to do next. None prints; progress goes to the ``progress`` given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import trust
from bootstrap.console import NoProgress, Progress
from bootstrap.errors import UsageError
from bootstrap.i18n import _
from bootstrap.prefix import Prefix, Release, default_root, find_prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootstrap.bundle.opening import Bundle
    from bootstrap.install import Outcome
    from bootstrap.preflight import Finding

QUIET = NoProgress()


@dataclass(frozen=True)
class Status:
    """What is installed: the active release (None: none), and every complete one, the oldest first."""

    prefix: Path
    active: Release | None
    releases: tuple[Release, ...]


def open_bundle(bundle: Path | None = None, *, trusted_keys: Sequence[str] = ()) -> Bundle:
    """Return a bundle whose signature holds; without a path, the one beside the zipapp."""
    from bootstrap.bundle import opening

    if bundle is None:
        running = trust.zipapp()
        if running is None:
            raise UsageError(_("No bundle is named."), advice=_("Name the folder that holds SHA256SUMS."))
        bundle = running.parent
    return opening.open_bundle(bundle, trust.policy(trusted_keys), at=datetime.now(timezone.utc))


def prefix_for(bundle: Bundle, prefix: Path | None) -> Prefix:
    """Return where a bundle is installed: the named folder, or this user's default for the product."""
    return Prefix((prefix or default_root() / bundle.manifest.product.name).absolute())


def verify(bundle: Path | None = None, *, trusted_keys: Sequence[str] = (), progress: Progress = QUIET) -> Bundle:
    """Check a bundle's signature and every byte of it, and install nothing."""
    from bootstrap.bundle.archive import drain

    opened = open_bundle(bundle, trusted_keys=trusted_keys)
    with progress.task(opened.location.name, opened.manifest.total_bytes) as task:
        for entry, blocks in opened.members():
            drain(blocks)
            task.advance(entry.size)
    return opened


def plan(bundle: Bundle, prefix: Path | None = None) -> list[Finding]:
    """Return what an installation would find on this host; nothing is written."""
    from bootstrap import preflight

    return preflight.preflight(bundle.manifest, prefix_for(bundle, prefix))


def install(bundle: Bundle, prefix: Path | None = None, *, progress: Progress = QUIET, wait: float = 0.0) -> Outcome:
    """Install an opened bundle as a new release and activate it; a failure leaves the former one active."""
    from bootstrap import install as story

    return story.install(bundle, prefix_for(bundle, prefix), progress, wait=wait)


def rollback(
    prefix: Path | None = None, *, to: str | None = None, progress: Progress = QUIET, wait: float = 0.0
) -> Outcome:
    """Make the former release, or a kept one, current again."""
    from bootstrap import install as story

    return story.rollback(find_prefix(prefix), progress, to=to, wait=wait)


def status(prefix: Path | None = None) -> Status:
    """Tell what is installed in a prefix."""
    found = find_prefix(prefix)
    return Status(found.root, found.active(), found.complete_releases())
