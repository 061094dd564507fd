"""The contents of one bundle: all members of its archive, and the manifest that lists them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from builder.assemble import documents
from builder.assemble.guide import Facts
from builder.evidence.evidence import evidence_members
from builder.lock.build_lock import NAME as BUILD_LOCK
from builder.lock.build_lock import write_build_lock
from builder.lock.locked import lock_rows, write_requirements
from builder.members import Member, member
from builder.request.accelerators import application_for
from builder.wheels.attesting.attestation_record import evidence as evidence_of
from bundle import digest
from bundle.lock import PYLOCK, write_pylock
from bundle.manifest import DEPENDENCIES, MODELS, SOURCE, WHEELS, FileEntry, Manifest, parse_manifest
from bundle.names import collision, too_long_for_windows
from bundle.opening import INSTALLER_MEMBER
from bundle.product.model import Model, Probe
from bundle.wheels.sizes import installed
from shared.errors import BuildError, TrustError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from builder.models.models import CollectedModel
    from builder.project.model_source import ModelSource
    from builder.request.inputs import Inputs, Wheel


BUILD_LOCK_MEMBER = f"{DEPENDENCIES}/{BUILD_LOCK}"


def members_of(inputs: Inputs, zipapp: Path) -> list[Member]:
    """Return all members of the archive, sorted by path. Raises BuildError if two paths collide on some hosts."""
    common, locked = inputs.common, inputs.selection.wheels
    found = [
        member(PYLOCK, "lock", write_pylock(lock_rows(locked))),
        member(f"{DEPENDENCIES}/requirements-{inputs.target.platform}.txt", "lock", write_requirements(locked)),
        *_build_lock(inputs),
        member(INSTALLER_MEMBER, "script", zipapp),
        *(_known(f"{WHEELS}/{wheel.locked.filename}", "wheel", wheel) for wheel in inputs.wheels),
        *(member(f"{SOURCE}/{source.path_in_app}", "source", source.file) for source in common.sources),
        *inputs.verification.members,
        *inputs.python,
        *evidence_of(common.attestations, locked),
    ]
    for _source, model in common.models:
        for file in model.files:
            entry = FileEntry(f"{MODELS}/{model.name}/{file.path}", file.size, file.sha256, "model")
            found.append(Member(entry, file.source))
    wheel_sums = {f"wheels/{item.entry.inner}": item.entry.sha256 for item in found if item.entry.kind == "wheel"}
    if wheel_sums:
        found.append(member(f"{DEPENDENCIES}/checksums.sha256", "lock", digest.write_sums(wheel_sums)))
    models = [model for _source, model in common.models]
    found += documents.members(Facts(common.product, inputs.target, common.profile, models, inputs.keyids))
    found += evidence_members(inputs, found, zipapp)
    found.sort(key=lambda item: item.entry.path)
    clash = collision([item.entry.path for item in found])
    if clash:
        raise BuildError(
            _("{first} and {second} collide on some hosts.").format(first=clash[0], second=clash[1]),
            advice=_("Rename one of them."),
        )
    return found


def _build_lock(inputs: Inputs) -> list[Member]:
    resolutions = inputs.selection.resolutions
    return [member(BUILD_LOCK_MEMBER, "lock", write_build_lock(resolutions))] if resolutions else []


def _known(path: str, kind: str, wheel: Wheel) -> Member:
    """Return a member whose digest was verified before it was cached, and is verified again during packing."""
    return Member(FileEntry(path, wheel.path.stat().st_size, wheel.locked.sha256, kind), wheel.path)


def require_short(wheels: Sequence[Wheel], sources: Sequence[FileEntry]) -> None:
    """Raise BuildError if the installed path of a file would be too long for a Windows host to open."""
    installed = [f"venv/Lib/site-packages/{wheel.facts.longest}" for wheel in wheels]
    path = too_long_for_windows([*installed, *(f"app/{entry.inner}" for entry in sources)])
    if path is not None:
        raise BuildError(
            _("{path} is too long for Windows, where paths have at most 259 characters.").format(path=path),
            advice=_("Use a shorter name, or lock another version of its package."),
        )


def manifest_of(inputs: Inputs, contents: Sequence[Member]) -> Manifest:
    """Return the manifest, validated by the same strict reader that hosts use."""
    common, locked = inputs.common, inputs.selection.wheels
    if inputs.target.platform == "windows":
        require_short(inputs.wheels, [item.entry for item in contents if item.entry.kind == "source"])
    files = tuple(item.entry for item in contents)
    added = [*(wheel.facts.unpacked for wheel in inputs.wheels), inputs.verification.unpacked]
    written = installed(files, added)
    manifest = Manifest(
        product=common.product,
        target=inputs.target,
        python_range=inputs.selection.python_range,
        created=datetime.fromtimestamp(common.epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        lock_sha256=common.lock.sha256,
        source_commit=common.state.described,
        files=files,
        packages=tuple(wheel.package for wheel in inputs.wheels),
        models=tuple(model_entry(source, model) for source, model in common.models),
        application=application_for(common.profile, locked),
        installed_bytes=written.bytes,
        installed_files=written.files,
        conflicts=inputs.selection.conflicts,
    )
    try:
        return parse_manifest(manifest.to_bytes())
    except TrustError as error:
        raise BuildError(
            error.what, advice=_("Change the project or its profile so that it can be bundled.")
        ) from error


def model_entry(source: ModelSource, model: CollectedModel) -> Model:
    """Return the manifest entry of a model, with its probe if the embedding or at least its dimension is known."""
    probe, wanted = None, source.probe
    if wanted and (wanted.embedding or wanted.dimension):
        probe = Probe(
            wanted.command,
            wanted.sentence,
            wanted.embedding or (),
            wanted.tolerance,
            wanted.batch,
            wanted.dimension,
            wanted.normalised,
        )
    return Model(model.name, model.repository, model.revision, probe)
