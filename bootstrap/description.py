"""What a bundle is, said before it is installed: who signed it, what is inside, what it will do to a host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bootstrap.console import human_bytes
from bootstrap.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootstrap.bundle.opening import Bundle

LARGEST = 10


def describe(bundle: Bundle, *, judged: bool = True) -> dict[str, Any]:
    """Return a bundle's facts as JSON values; ``judged`` tells that a policy has accepted its signers.

    Sizes are in bytes. The date is its signers' claim: a signature carries no time.
    """
    manifest = bundle.manifest
    largest = sorted(manifest.files, key=lambda entry: entry.size, reverse=True)[:LARGEST]
    application = manifest.application
    return {
        "bundle": str(bundle.location),
        "product": manifest.product.to_json(),
        "target": manifest.target.to_json(),
        "built_claimed": manifest.created,
        "source_commit": manifest.source_commit,
        "signers": [
            {
                "fingerprint": signer.key.fingerprint,
                "keyid": signer.key.keyid,
                "type": signer.key.kind,
                "name": signer.name if judged else None,
            }
            for signer in bundle.signers
        ],
        "signers_trusted": judged,
        "files": len(manifest.files),
        "bytes": manifest.total_bytes,
        "manifest_sha256": bundle.manifest_sha256,
        "packages": [package.to_json() for package in manifest.packages],
        "models": [model.to_json() for model in manifest.models],
        "largest": [{"path": entry.path, "bytes": entry.size} for entry in largest],
        "effects": {
            "installed_bytes": manifest.installed_bytes,
            "store_bytes": sum(entry.size for entry in manifest.files if entry.kind in ("wheel", "model", "source")),
            "commands": [launcher.name for launcher in application.launchers],
            "settings_required": list(application.environment.required),
            "kept_folders": list(application.persist),
            "runs_when_installing": [list(command) for command in application.smoke],
        },
    }


def lines(facts: dict[str, Any], *, prefix: str | None = None) -> Iterator[str]:
    """Yield the facts for a person; ``prefix`` is where it would be installed on this host."""
    product, target, effects = facts["product"], facts["target"], facts["effects"]
    yield _("{title} {version} (release counter {counter}) for {target}, Python {python}").format(
        title=product["title"],
        version=product["version"],
        counter=product["counter"],
        target=f"{target['platform']}-{target['architecture']}",
        python=target["python"],
    )
    for signer in facts["signers"]:
        if facts["signers_trusted"]:
            text = _("signed by {fingerprint} ({name})")
        else:
            text = _("signed by {fingerprint} (not judged)")
        yield text.format(fingerprint=signer["fingerprint"], name=signer["name"] or "-")
    yield _("built (claimed) {time}").format(time=facts["built_claimed"])
    yield _("{count} files, {size}; {packages} packages, {models} models").format(
        count=facts["files"],
        size=human_bytes(facts["bytes"]),
        packages=len(facts["packages"]),
        models=len(facts["models"]),
    )
    for model in facts["models"]:
        yield "  " + _("model {name} from {repository} at {revision}").format(**model)
    yield _("Installing it will:")
    if prefix is not None:
        yield "  " + _("write into {path} and nowhere else but this user's state folder").format(path=prefix)
    yield "  " + _("take {installed} on disk, and {store} for keeping what it came with").format(
        installed=human_bytes(effects["installed_bytes"]), store=human_bytes(effects["store_bytes"])
    )
    yield "  " + _("make the commands {names}").format(names=", ".join(effects["commands"]) or "-")
    yield "  " + _("run, to try it out, {commands}").format(
        commands="; ".join(" ".join(command) for command in effects["runs_when_installing"]) or "-"
    )
    yield "  " + _("need the settings {names}").format(names=", ".join(effects["settings_required"]) or "-")
