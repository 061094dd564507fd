"""``verify``: who signed a bundle, what is in it, and whether every byte is as signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap import api
from bootstrap.commandline import DONE
from bootstrap.commands import common
from bootstrap.console import human_bytes, show, show_json
from bootstrap.i18n import _

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    common.add_bundle(parser)


def run(arguments: argparse.Namespace) -> int:
    """Verify the bundle and describe it."""
    bundle = api.verify(arguments.bundle, trusted_keys=arguments.trust_key, progress=common.progress_of(arguments))
    manifest = bundle.manifest
    if arguments.json:
        show_json(
            {
                "bundle": str(bundle.location),
                "product": manifest.product.to_json(),
                "target": manifest.target.to_json(),
                "built_claimed": manifest.created,
                "signers": [{"fingerprint": s.key.fingerprint, "name": s.name} for s in bundle.signers],
                "files": len(manifest.files),
                "bytes": manifest.total_bytes,
                "packages": len(manifest.packages),
                "models": [model.to_json() for model in manifest.models],
                "manifest_sha256": bundle.manifest_sha256,
            }
        )
        return DONE
    product = manifest.product
    show(
        _("{title} {version} (release counter {counter}) for {target}, Python {python}").format(
            title=product.title,
            version=product.version,
            counter=product.counter,
            target=manifest.target,
            python=manifest.target.python,
        )
    )
    for line in common.signer_lines(bundle.signers):
        show(line)
    show(_("built (claimed) {time}").format(time=manifest.created))
    show(
        _("all {count} files are as signed ({size}; {packages} packages, {models} models)").format(
            count=len(manifest.files),
            size=human_bytes(manifest.total_bytes),
            packages=len(manifest.packages),
            models=len(manifest.models),
        )
    )
    return DONE
