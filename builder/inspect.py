"""What is in a bundle: who signed it, for which target, its largest parts, what it will do to a host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootstrap.bundle import opening
from bootstrap.console import human_bytes
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bootstrap.bundle.opening import Bundle
    from bootstrap.bundle.signature import PublicKey

LARGEST = 10


def claimed_signers(path: Path) -> list[PublicKey]:
    """Return the keys whose signatures hold, whoever they belong to."""
    _folder, sums, signatures = opening.read_signed(path)
    return opening.claimed_signers(sums, signatures)


def describe(bundle: Bundle, *, judged: bool) -> dict[str, Any]:
    """Return a bundle's facts as JSON values."""
    manifest = bundle.manifest
    largest = sorted(manifest.files, key=lambda entry: entry.size, reverse=True)[:LARGEST]
    return {
        "product": manifest.product.to_json(),
        "target": manifest.target.to_json(),
        "created_claimed": manifest.created,
        "signers": [signer.key.fingerprint for signer in bundle.signers],
        "signers_trusted": judged,
        "files": len(manifest.files),
        "bytes": manifest.total_bytes,
        "installed_bytes": manifest.installed_bytes,
        "packages": [{"name": p.name, "version": p.version, "licence": p.licence} for p in manifest.packages],
        "models": [{"name": m.name, "repository": m.repository, "revision": m.revision} for m in manifest.models],
        "launchers": [launcher.name for launcher in manifest.application.launchers],
        "largest": [{"path": entry.path, "bytes": entry.size} for entry in largest],
    }


def lines(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the facts for a person."""
    product, target = facts["product"], facts["target"]
    yield _("{title} {version}, release counter {counter}").format(
        title=product["title"], version=product["version"], counter=product["counter"]
    )
    yield _("for {platform}-{architecture}, Python {python}").format(
        platform=target["platform"], architecture=target["architecture"], python=target["python"]
    )
    for fingerprint in facts["signers"]:
        text = _("signed by {fingerprint}") if facts["signers_trusted"] else _("signed by {fingerprint} (not judged)")
        yield text.format(fingerprint=fingerprint)
    yield _("built (claimed) {time}").format(time=facts["created_claimed"])
    yield _("{count} files, {size}; installed {installed}").format(
        count=facts["files"], size=human_bytes(facts["bytes"]), installed=human_bytes(facts["installed_bytes"])
    )
    yield _("{count} packages; commands: {commands}").format(
        count=len(facts["packages"]), commands=", ".join(facts["launchers"]) or "-"
    )
    for model in facts["models"]:
        yield _("model {name} from {repository} at {revision}").format(**model)
    yield _("largest files:")
    for entry in facts["largest"]:
        yield f"  {human_bytes(entry['bytes']):>10}  {entry['path']}"
