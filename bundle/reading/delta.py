"""Delta bundles: they omit the files of an earlier release of the same product.

A delta bundle contains the manifest of the full bundle, byte for byte, and next to it the manifest of its base.
It omits the stored files that both list by digest; builder and host apply the same rule, so no list of them is
needed. SHA256SUMS lists the base's manifest, so the signature also covers the omitted files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.strict import refuse
from shared.i18n import _

if TYPE_CHECKING:
    from bundle.manifest import FileEntry, Manifest

BASE = "BASE-MANIFEST.json"


def left_out(manifest: Manifest, base: Manifest | None) -> tuple[FileEntry, ...]:
    """Return the files that a delta bundle against ``base`` omits, or none without a base."""
    if base is None:
        return ()
    stored = {(entry.sha256, entry.size) for entry in base.files if entry.is_stored}
    return tuple(entry for entry in manifest.files if entry.is_stored and (entry.sha256, entry.size) in stored)


def require_base(manifest: Manifest, base: Manifest) -> None:
    """Raise TrustError unless ``base`` has the same product and target, and a lower release counter."""
    if base.product.name != manifest.product.name:
        raise refuse(
            BASE,
            _("a release of {name}, not of {product}").format(name=base.product.name, product=manifest.product.name),
        )
    if (str(base.target), base.target.abi) != (str(manifest.target), manifest.target.abi):
        raise refuse(
            BASE,
            _("a release for {target}, Python {python}, not for {wanted}, Python {other}").format(
                target=base.target, python=base.target.python, wanted=manifest.target, other=manifest.target.python
            ),
        )
    if base.product.counter >= manifest.product.counter:
        raise refuse(
            BASE,
            _("release counter {counter} is not lower than {wanted}").format(
                counter=base.product.counter, wanted=manifest.product.counter
            ),
        )
