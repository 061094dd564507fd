"""Rebuilding a finished bundle from its own records, to check that the result is byte-identical.

1. open: verify the signatures and sums of the bundle
2. read: target, counter and time from its manifest, the choices from its provenance, the keys from its installer
3. build: without a private key, because signatures are not part of the signed data
4. compare: list each difference
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from builder.advisories.gate import FOLDER as ADVISORIES
from builder.advisories.gate import GateRequest
from builder.assemble.contents import BUILD_LOCK_MEMBER
from builder.assemble.differences import Difference, compare
from builder.build import build
from builder.evidence.evidence import PROVENANCE
from builder.lock.build_lock import NAME as BUILD_LOCK
from builder.lock.lockfile import Parts
from builder.lockfiles.chosen import Named, lockfile_of
from builder.product.identity import Said
from builder.request.bases import read_base
from builder.request.request import Request
from builder.request.state import DIRTY
from builder.signing.release import Release, read_release
from builder.sources.checkout import source_commit
from builder.wheels.attesting import attestations
from builder.wheels.attesting.attestation_record import ROOT
from builder.wheels.attesting.attestation_trust import Terms
from builder.wheels.interpreter import VERSION
from bundle import digest
from bundle.advisories import snapshot
from bundle.manifest import MANIFEST_LIMIT, WHEELS
from bundle.opening import open_bundle
from bundle.reading.delta import BASE
from bundle.reading.medium import drain
from bundle.signing.policy import RELEASE, pins
from shared.errors import BuildError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from builder.fetch.cache import Cache
    from builder.lock.lockfile import Lockfile
    from bundle.manifest import FileEntry
    from shared.terminal.progress import Progress

TRUST_ROOT = "trusted_root.json"
PROVENANCE_LIMIT = 4 * MANIFEST_LIMIT  # bytes: it lists every file of the manifest, and those of models twice


@dataclass(frozen=True)
class Again:
    """The bundle to rebuild, and the local paths that it does not record: of the project, models and other files."""

    bundle: Path
    project_root: Path
    cache: Cache
    scratch: Path
    profile: str | None = None
    models: tuple[str, ...] = ()
    python: str | None = None
    exceptions: Path | None = None
    offline: bool = False
    lock: Path | None = None
    script: Path | None = None


def rebuild(again: Again, progress: Progress) -> list[Difference]:
    """Rebuild a bundle in ``scratch``, an empty folder; return the differences, an empty list if identical.

    Raises UsageError or BuildError if the project is not the one that the bundle was built from.
    """
    release = read_release(again.bundle)
    progress.step(_("Reading {bundle}").format(bundle=release.folder))
    chosen = _choices(release, again.scratch)
    lockfile = _lockfile(again, chosen)
    _check_project(release, lockfile, progress)
    outcome = build(_request(release, again, {**chosen, "lockfile": lockfile}), progress)
    (built,) = outcome.built
    progress.step(_("Comparing with the original bundle"))
    (again.scratch / "members").mkdir()
    return compare(release.folder, built.folder, again.scratch / "members")


def _choices(release: Release, scratch: Path) -> dict[str, Any]:
    """Return the choices recorded in the provenance; write what the build read of the bundle to the scratch folder.

    That is the advisories, the record of build requirements, the trust root of attestations, and wheels that were built
    elsewhere.
    """
    written = {f"{ADVISORIES}/{snapshot.NAME}": snapshot.NAME, BUILD_LOCK_MEMBER: BUILD_LOCK, ROOT: TRUST_ROOT}
    _write(release, {PROVENANCE: "provenance.json", **written}, scratch)
    path = scratch / "provenance.json"
    if not path.is_file() or path.stat().st_size > PROVENANCE_LIMIT:
        raise BuildError(
            _("{bundle} has no {member}, which records how it was built.").format(
                bundle=release.folder, member=PROVENANCE
            ),
            advice=_("Use a bundle with provenance; earlier builders did not write any."),
        )
    found = json.loads(path.read_bytes())["predicate"]["buildDefinition"]["externalParameters"]
    assert isinstance(found, dict)
    if found.get("wheels"):
        _write(release, {f"{WHEELS}/{name}": name for name in found["wheels"]}, scratch)
    return found


def _write(release: Release, wanted: Mapping[str, str], scratch: Path) -> None:
    """Write members of a bundle, those of its archive that are wanted, to a folder under other names."""

    def take(entry: FileEntry, blocks: Iterator[bytes]) -> None:
        if entry.path in wanted:
            with (scratch / wanted[entry.path]).open("wb") as file:
                file.writelines(blocks)
        else:
            drain(blocks)

    open_bundle(release.folder, pins(release.signers)).visit(take, lambda _count: None)


def _lockfile(again: Again, chosen: dict[str, Any]) -> Lockfile:
    """Return the lockfile that the user specified, or else the one recorded, in the project's folder."""
    recorded = chosen.get("lockfile") or {}  # earlier builders recorded none
    places = {name: again.project_root / path for name, path in recorded.items() if name in ("lock", "script")}
    if again.lock or again.script:
        places = {"lock": again.lock, "script": again.script}
    named = Named(
        places.get("lock"),
        places.get("script"),
        frozen=bool(recorded.get("frozen")),
        offline=again.offline,
        packages=tuple(chosen.get("packages", ())),
    )
    return lockfile_of(again.project_root, named)


def _check_project(release: Release, lockfile: Lockfile, progress: Progress) -> None:
    """Reject a different lockfile, which cannot reproduce the bundle; warn if the commit differs."""
    manifest = release.manifest
    commit = manifest.source_commit and manifest.source_commit.removesuffix(DIRTY)
    lock, root = lockfile.path, lockfile.project
    if not lock.is_file() or digest.sha256_file(lock)[0] != manifest.lock_sha256:
        raise BuildError(
            _("{lock} is not the lockfile that the bundle was built from.").format(lock=lock),
            advice=_("Check out commit {commit} of the project, or specify its folder with --project-root.").format(
                commit=commit or "?"
            ),
        )
    if commit != manifest.source_commit:
        progress.warn(
            _(
                "The bundle was built from files that differ from commit {commit}; only those files reproduce it."
            ).format(commit=commit)
        )
    here = source_commit(root)
    if here != commit:
        progress.warn(
            _("The bundle was built from commit {commit}, but {project} is at {here}.").format(
                commit=commit or "-", project=root, here=here or "-"
            )
        )


def _python(again: Again, built_with: str | None) -> str | None:
    """Return the Python interpreter to include: the one that the user specified, or else the version in the bundle.

    Raises UsageError if the bundle's came from a file and the user specified none.
    """
    if built_with and not again.python and not VERSION.fullmatch(built_with):
        raise UsageError(
            _("The bundle contains the Python interpreter from {file}, which is not available.").format(
                file=built_with
            ),
            advice=_("Specify it with --with-python FILE."),
        )
    return again.python or built_with


def _request(release: Release, again: Again, chosen: dict[str, Any]) -> Request:
    manifest, policy = release.manifest, release.pinned
    if policy is None:
        raise BuildError(
            _("{bundle} has no installer with embedded keys.").format(bundle=release.folder),
            advice=_(
                "Use the full bundle of the same release, which has the same manifest; a delta bundle may omit "
                "the installer."
            ),
        )
    base, root = release.folder / BASE, again.scratch / TRUST_ROOT
    gate = chosen["advisories"]
    return Request(
        project_root=chosen["lockfile"].project,
        output_dir=again.scratch / "out",
        targets=(replace(manifest.target, patch=manifest.python_range and manifest.python_range[0]),),
        signers=(),
        cache=again.cache,
        trusted=tuple(signer.key for signer in policy.of_role(RELEASE)),
        threshold=policy.roles[RELEASE].threshold,
        profile=again.profile or chosen["profile"],
        models=tuple(_models(release, again)),
        without_models=tuple(model.name for model in manifest.application.models_apart),
        exclude=tuple(chosen.get("exclude", ())),  # earlier builders had no such option, nor the next one
        allow_secrets=tuple(chosen.get("allow_secrets", ())),
        run=tuple(chosen.get("run", ())),
        lock=chosen["lockfile"],
        parts=Parts(
            tuple(chosen["extras"]),
            tuple(chosen["groups"]),
            all_extras=chosen.get("all_extras", False),
            all_groups=chosen.get("all_groups", False),
            python=manifest.target.version,
        ),
        said=Said(chosen.get("name"), chosen.get("product_version")),
        counter=manifest.product.counter,
        epoch=manifest.created_epoch,
        offline=again.offline,
        sources=chosen["build_from_source"],
        advisories=gate
        and GateRequest(
            again.scratch / snapshot.NAME,
            again.exceptions,
            gate["severity_table"],
            fail_on=gate["fail_on"],
            until_fixed=gate.get("ignore_until_fixed", False),
        ),
        python=_python(again, chosen["with_python"]),
        attestations=chosen.get("attestations", attestations.OFF),  # earlier builders did not record the mode
        attesting=Terms(root if root.is_file() else None, tuple(chosen.get("publishers", ()))),
        bases=(read_base(base),) if base.is_file() else (),
        wheels=tuple(_given(again.scratch, chosen.get("wheels", []))),
        build_lock=again.scratch / BUILD_LOCK,
    )


def _given(scratch: Path, names: list[str]) -> Iterator[Path]:
    """Yield the wheels that were built elsewhere, as the bundle contains them. Raises UsageError if one is missing."""
    for name in names:
        if not (scratch / name).is_file():
            raise UsageError(
                _("The wheel {file} was built elsewhere, and this bundle does not contain it.").format(file=name),
                advice=_("Use the full bundle of the same release."),
            )
        yield scratch / name


def _models(release: Release, again: Again) -> Iterator[str]:
    """Yield the source of each model: the one that the user specified, or a hub at the exact commit."""
    given = {name: text for name, _equals, text in (model.partition("=") for model in again.models)}
    for model in release.manifest.models:
        if model.name in given:
            yield f"{model.name}={given[model.name]}"
        elif re.match("path:", model.repository):
            raise UsageError(
                _("The model {name} came from a folder that is not available.").format(name=model.name),
                advice=_("Specify it with --model {name}=path:FOLDER.").format(name=model.name),
            )
        else:
            yield f"{model.name}=hf:{model.repository}@{model.revision}"
