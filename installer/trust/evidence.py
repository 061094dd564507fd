"""Counters of accepted releases, taken from installations if the memory was lost."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from bundle.strict import INTEGER_LIMIT
from installer.layout.location.finding import default_root
from installer.layout.prefix import Prefix
from installer.layout.release import is_release
from installer.logs import audit_log
from shared.errors import RagtraceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.manifest import Manifest

AHEAD = timedelta(days=1)  # clocks and time zones of honest machines differ by less


def is_ahead(manifest: Manifest, now: datetime) -> bool:
    """Return whether a release is dated more than a day in the future: its counter is never recorded."""
    return manifest.created_epoch > (now + AHEAD).timestamp()


def counters(prefix: Prefix | None, now: datetime | None = None) -> dict[str, int]:
    """Return the highest counter of each product in this installation and in those of this user."""
    found: dict[str, int] = {}
    for one in _prefixes(prefix):
        with contextlib.suppress(OSError, RagtraceError):  # this user may not inspect it
            for product, counter in _of_prefix(one, now or datetime.now(timezone.utc)):
                found[product] = max(counter, found.get(product, 0))
    return found


def _prefixes(prefix: Prefix | None) -> Iterator[Prefix]:
    if prefix is not None:
        yield prefix
    with contextlib.suppress(OSError, RagtraceError):
        for path in sorted(default_root().iterdir()):
            if prefix is None or path != prefix.root:
                yield Prefix(path)


def _of_prefix(prefix: Prefix, now: datetime) -> Iterator[tuple[str, int]]:
    """Yield the product and counter of each retained release, and of each one in the audit log."""
    product, left_out = "", set()
    for release in prefix.complete_releases():
        try:
            manifest = release.manifest()
        except (OSError, RagtraceError):
            continue
        product = manifest.product.name
        if is_ahead(manifest, now):
            left_out.add(release.id)
        else:
            yield product, manifest.product.counter
    for entry in audit_log.activations(prefix):
        release_id, named = entry.get("release"), entry.get("product") or product
        if isinstance(release_id, str) and isinstance(named, str) and named and is_release(release_id):
            counter = prefix.release(release_id).counter
            if release_id not in left_out and 0 < counter <= INTEGER_LIMIT:
                yield named, counter
