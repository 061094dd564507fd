"""Description of a bundle before its installation: its signers, its contents, its effects on a host."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from shared.i18n import _, plural
from shared.terminal import counted
from shared.terminal.console import human_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.manifest import Manifest
    from bundle.opening import Bundle

LARGEST = 10


def describe(bundle: Bundle, *, judged: bool = True) -> dict[str, Any]:
    """Return a description of a bundle as JSON values; ``judged`` is true if a policy has accepted its signers.

    Sizes are in bytes. The build date is only claimed by the signers: a signature has no timestamp.
    """
    manifest = bundle.manifest
    largest = sorted(manifest.files, key=lambda entry: entry.size, reverse=True)[:LARGEST]
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
        "base": _base(bundle),
        "manifest_sha256": bundle.manifest_sha256,
        "packages": [package.to_json() for package in manifest.packages],
        "models": [model.to_json() for model in manifest.models],
        "largest": [{"path": entry.path, "bytes": entry.size} for entry in largest],
        "effects": _effects(manifest),
    }


def _effects(manifest: Manifest) -> dict[str, Any]:
    """Return the effects of an installation on a host."""
    application = manifest.application
    return {
        "installed_bytes": manifest.installed_bytes,
        "store_bytes": sum(entry.size for entry in manifest.files if entry.kind in ("wheel", "model", "source")),
        "commands": list(application.commands),
        "settings_required": list(application.environment.required),
        "kept_folders": list(application.persist),
        "imports_when_installing": list(application.core_imports),
        "imports_what_source_imports": any(entry.kind == "source" for entry in manifest.files),
        "runs_when_installing": trials(manifest),
        "migrates_data_with": list(application.migration.command) if application.migration else None,
    }


def _base(bundle: Bundle) -> dict[str, Any] | None:
    """Return the base of a delta bundle and the totals of the files that it omits, or None if the bundle is full."""
    if bundle.base is None:
        return None
    return {
        "version": bundle.base.product.version,
        "counter": bundle.base.product.counter,
        "files": len(bundle.left_out),
        "bytes": sum(entry.size for entry in bundle.left_out),
    }


def trials(manifest: Manifest) -> list[list[str]]:
    """Return the commands of an installation's health check, including those that run the models."""
    probes = [model.probe for model in manifest.models if model.probe]
    asked = [[*probe.command, probe.sentence] for probe in probes]
    return [*map(list, manifest.application.smoke), *asked]


def lines(facts: dict[str, Any]) -> Iterator[str]:
    """Yield a bundle's description as human-readable lines; ``writes``, if any, lists the folders that will change."""
    product, target = facts["product"], facts["target"]
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
            text = _("signed by {fingerprint} (trust not checked)")
        yield text.format(fingerprint=signer["fingerprint"], name=signer["name"] or "-")
    yield _("built (claimed) {time}").format(time=facts["built_claimed"])
    yield _("{files}, {size}; {packages}, {models}").format(
        files=counted.files(facts["files"]),
        size=human_bytes(facts["bytes"]),
        packages=counted.packages(len(facts["packages"])),
        models=counted.models(len(facts["models"])),
    )
    if facts["base"]:
        yield plural(
            "delta bundle: {files} file, {size}, is reused from version {version} (release counter {counter})",
            "delta bundle: {files} files, {size}, are reused from version {version} (release counter {counter})",
            facts["base"]["files"],
        ).format(**facts["base"], size=human_bytes(facts["base"]["bytes"]))
    for model in facts["models"]:
        yield "  " + _("model {name} from {repository} at {revision}").format(**model)
    yield _("Installing this bundle will:")
    for effect in effect_lines(facts):
        yield f"  {effect}"


def effect_lines(facts: dict[str, Any]) -> Iterator[str]:
    """Yield each effect of an installation on a host as a line."""
    effects = facts["effects"]
    if "writes" in facts:
        yield _("write to {paths}").format(paths=", ".join(facts["writes"]))
    yield _("use {installed} on disk, and {store} in the store").format(
        installed=human_bytes(effects["installed_bytes"]), store=human_bytes(effects["store_bytes"])
    )
    yield _("create the commands {names}").format(names=", ".join(effects["commands"]) or "-")
    yield _("store your data in {names}").format(names=", ".join(effects["kept_folders"]) or "-")
    yield _("import as a health check: {modules}").format(modules=", ".join(effects["imports_when_installing"]) or "-")
    if effects["imports_what_source_imports"]:
        yield _("import the package modules that the application's source uses, to create their bytecode")
    commands = "; ".join(shlex.join(command) for command in effects["runs_when_installing"])
    yield _("run as your user, as a health check: {commands}").format(commands=commands or "-")
    if effects["migrates_data_with"]:
        yield _("run {command} on a copy of your data if its layout differs").format(
            command=shlex.join(effects["migrates_data_with"])
        )
    yield _("require the settings {names}").format(names=", ".join(effects["settings_required"]) or "-")
