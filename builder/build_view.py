"""What ``build`` shows when it is done: the bundles, their largest parts, the time of each phase, the trust slips."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from builder.wheels.attesting import attestation_record as attestations
from shared.i18n import _, plural
from shared.terminal.console import human_bytes, show, show_json, show_lines

if TYPE_CHECKING:
    from builder.assemble.folder import Built
    from builder.build import Outcome
    from bundle.manifest import Manifest

LARGEST = 10  # parts of a bundle listed in a summary


def show_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """Show the bundles, the attestations, the checks that hosts will skip, the times of the phases and the slips."""
    if as_json:
        show_json(
            {
                "bundles": [_facts(built) for built in outcome.built],
                "signers": [key.fingerprint for key in outcome.signers],
                "seconds": outcome.seconds,
                "attestations": outcome.attested,
                "source_state": outcome.state.to_json(),
                "unchecked": [item.to_json() for item in outcome.unchecked],
            }
        )
        return
    for built in outcome.built:
        _show_bundle(built)
    if outcome.attested:
        show(
            plural(
                "Attested:  {verified} of {count} wheel verified, {none} without attestation, {unknown} not checked",
                "Attested:  {verified} of {count} wheels verified, {none} without attestation, {unknown} not checked",
                sum(outcome.attested.values()),
            ).format(
                verified=outcome.attested[attestations.VERIFIED],
                count=sum(outcome.attested.values()),
                none=outcome.attested[attestations.NONE] + outcome.attested[attestations.NO_INDEX],
                unknown=outcome.attested[attestations.UNKNOWN],
            )
        )
    for item in outcome.unchecked:
        first, *rest = item.lines()
        for line in (_("Unchecked: {what}").format(what=first), *rest):
            show(line)
    phases = ", ".join(f"{name} {took:.1f} s" for name, took in outcome.seconds.items())
    show(_("Time:      {phases}").format(phases=phases))
    for built in outcome.built:
        show("")
        show_lines(built.slip.read_text(encoding="utf-8").rstrip())


def _show_bundle(built: Built) -> None:
    manifest = built.manifest
    show(_("Bundle:    {path}").format(path=built.folder))
    show(
        _("Contents:  packages: {count}, models: {models}, {size}").format(
            count=len(manifest.packages), models=len(manifest.models), size=human_bytes(manifest.total_bytes)
        )
    )
    if built.base:
        reported = built.base.described(manifest)
        show(
            _(
                "Delta:     {brought} included; version {version} (release counter {counter}) has the other {size}"
            ).format(
                **reported,
                brought=human_bytes(manifest.total_bytes - reported["bytes"]),
                size=human_bytes(reported["bytes"]),
            )
        )
    largest = ", ".join(f"{name} {human_bytes(size)}" for name, size in largest_parts(manifest))
    if largest:
        show(_("Largest:   {parts}").format(parts=largest))
    show(_("Trust slip: {path} (and a page to print next to it)").format(path=built.slip))


def largest_parts(manifest: Manifest, most: int = LARGEST) -> list[tuple[str, int]]:
    """Return the largest packages and models with their sizes in the bundle, in bytes."""
    sizes = {package.wheel: package.name for package in manifest.packages}
    parts: Counter[str] = Counter()
    for entry in manifest.files:
        if entry.kind == "wheel":
            parts[sizes[entry.path]] += entry.size
        elif entry.kind == "model":
            parts[entry.inner.partition("/")[0]] += entry.size
    return parts.most_common(most)


def _facts(built: Built) -> dict[str, Any]:
    manifest = built.manifest
    return {
        "folder": str(built.folder),
        "archive": manifest.archive,
        "archive_files": list(built.archive),
        "product": manifest.product.to_json(),
        "target": manifest.target.to_json(),
        "packages": len(manifest.packages),
        "bytes": manifest.total_bytes,
        "base": built.base and built.base.described(manifest),
        "bytes_brought": manifest.total_bytes - (built.base.described(manifest)["bytes"] if built.base else 0),
        "sizes": dict(largest_parts(manifest, most=len(manifest.files))),
        "installer_sha256": built.zipapp_sha256,
        "slip": str(built.slip),
    }
