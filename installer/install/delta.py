"""Delta bundles on the host: the files that they omit must be in the store of the prefix."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from installer.install.host_results import HostResult
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.manifest import FileEntry
    from bundle.opening import Bundle
    from installer.layout.store import Store


def lacking(bundle: Bundle, store: Store) -> list[FileEntry]:
    """Return the files that a delta bundle omits and that are missing or damaged in the store; hashes them."""
    entries = sorted(bundle.left_out, key=lambda entry: -entry.size)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [entry for entry, found in zip(entries, pool.map(store.is_intact, entries)) if not found]


def findings(bundle: Bundle, store: Store) -> Iterator[HostResult]:
    """Yield the finding on the files that a delta bundle omits; hashes every byte, because they are installed next."""
    if bundle.base is None:
        return
    missing = sorted(lacking(bundle, store), key=lambda entry: entry.path)
    if missing:
        yield _missing(bundle, store, missing)
        return
    details = plural(
        "{count} file of the release with counter {counter} is stored on this host",
        "{count} files of the release with counter {counter} are stored on this host",
        len(bundle.left_out),
    ).format(count=len(bundle.left_out), counter=bundle.base.product.counter)
    yield HostResult(_("Base release"), True, details)


def _missing(bundle: Bundle, store: Store, missing: list[FileEntry]) -> HostResult:
    assert bundle.base is not None  # it omits some files
    base, product = bundle.base.product, bundle.manifest.product
    details = plural(
        "{path}, which this delta bundle needs from {name} {version}, is missing or damaged in {store}",
        "{path}, one of {count} files that this delta bundle needs from {name} {version}, is missing or "
        "damaged in {store}",
        len(missing),
    )
    advice = _(
        "Transfer the full bundle of {name} {version} (release counter {counter}), or install version {base} "
        "(release counter {number}) first."
    )
    return HostResult(
        _("Base release"),
        False,
        details.format(
            path=missing[0].path, count=len(missing), name=base.name, version=base.version, store=store.root
        ),
        advice.format(
            name=product.name,
            version=product.version,
            counter=product.counter,
            base=base.version,
            number=base.counter,
        ),
    )
