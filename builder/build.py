"""The story of a build: from a uv-locked project to the folder that travels."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import build_zipapp
from bootstrap import files
from bootstrap.bundle import digest
from bootstrap.bundle.lock import PYLOCK, write_pylock
from bootstrap.bundle.manifest import DEPENDENCIES, MODELS, NAME, SOURCE, Manifest, Model, Package, Probe, Product
from bootstrap.bundle.manifest import parse_manifest as check_manifest
from bootstrap.bundle.names import collision
from bootstrap.bundle.opening import INSTALLER, INSTALLER_MEMBER, SUMS
from bootstrap.bundle.policy import RELEASE, RELEASE_NAMESPACE, pins
from bootstrap.errors import BuildError, TrustError, UsageError
from bootstrap.i18n import _
from builder import documents
from builder.assemble import Member, member, write_archive
from builder.lock import Lock, Selection, lock_rows, read_lock, select_wheels, write_requirements
from builder.models import CollectedModel, collect_model, parse_model_spec
from builder.profile import Profile, default_profile, find_profile, load_profile, with_models
from builder.project import read_project
from builder.source import SourceFile, collect_source, commit_time, source_commit
from builder.verification import Verification, verify_packages
from builder.wheels import WheelFacts, fetch_wheels, wheel_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bootstrap.bundle.policy import Policy
    from bootstrap.bundle.signature import PublicKey
    from bootstrap.bundle.target import Target
    from bootstrap.console import Progress
    from builder.advisories.gate import GateRequest
    from builder.cache import Cache
    from builder.model_source import ModelSource
    from builder.sign import Signer


@dataclass(frozen=True)
class Request:
    """What to build. ``counter`` and ``epoch`` (seconds since 1970) are None when the project decides.

    ``trusted`` are keys to pin besides the signers'; ``threshold`` of all must sign, None for each of them.
    """

    project_root: Path
    output_dir: Path
    target: Target
    signers: tuple[Signer, ...]
    cache: Cache
    trusted: tuple[PublicKey, ...] = ()
    threshold: int | None = None
    profile: str | None = None
    models: tuple[str, ...] = ()
    counter: int | None = None
    epoch: int | None = None
    offline: bool = False
    advisories: GateRequest | None = None


@dataclass(frozen=True)
class Built:
    """What was built: the folder that travels, manifest, digest of the zipapp, who signed, seconds for each phase."""

    folder: Path
    manifest: Manifest
    zipapp_sha256: str
    signers: tuple[PublicKey, ...]
    seconds: dict[str, float]


@dataclass(frozen=True)
class Wheel:
    """A fetched wheel: its package, where it lies, and what is inside."""

    package: Package
    path: Path
    facts: WheelFacts


@dataclass(frozen=True)
class Inputs:
    """All that a bundle is made of, but the zipapp."""

    product: Product
    profile: Profile
    lock: Lock
    selection: Selection
    wheels: Sequence[Wheel]
    models: Sequence[tuple[ModelSource, CollectedModel]]
    sources: Sequence[SourceFile]
    commit: str | None
    verification: Verification


def build(request: Request, progress: Progress) -> Built:
    """Build a signed bundle and its zipapp for one target.

    1. Read the project, its profile and its lock; choose the target's wheels.
    2. Fetch wheels and models, every byte hashed; collect the source.
    3. Look for known vulnerabilities; those that the request names end the build.
    4. Build the zipapp with the signers' keys pinned.
    5. Write manifest, archive and sums beside each other, sign them, move the folder into place.

    Raises UsageError, BuildError, ToolError; the output folder then holds nothing of this run.
    """
    watch = Stopwatch()
    root, policy = request.project_root, pinned(request)
    progress.step(_("Reading {project}").format(project=root))
    project = read_project(root)
    profile = read_profile(request)
    lock = read_lock(root)
    selection = select_wheels(lock, request.target)
    watch.lap("lock")
    wheels = collect_wheels(selection, request, progress)
    watch.lap("wheels")
    models = [fetch_model(source, request, progress) for source in profile.models]
    watch.lap("models")
    sources = collect_source(root, profile, progress, leave_out=[request.output_dir])
    epoch = commit_time(root) or int(time.time()) if request.epoch is None else request.epoch
    counter = max(epoch, 1) if request.counter is None else request.counter
    product = Product(project.name, profile.title, project.version, counter)
    verification = verify_packages(request, product, [wheel.package for wheel in wheels], policy, epoch, progress)
    watch.lap("advisories")
    with workspace(request.output_dir) as work:
        zipapp = build_zipapp.build_zipapp(
            work / INSTALLER,
            request.target,
            policy=policy.to_bytes(),
            epoch=epoch,
            cache=request.cache,
            progress=progress,
            offline=request.offline,
        )
        watch.lap("zipapp")
        progress.step(_("Writing the bundle"))
        inputs = Inputs(product, profile, lock, selection, wheels, models, sources, source_commit(root), verification)
        contents = members_of(inputs, request.target, zipapp)
        manifest = manifest_of(inputs, request.target, epoch, contents)
        write_folder(work, manifest, contents, request.signers, progress)
        watch.lap("archive")
        put_in_place(work, request.output_dir / manifest.folder)
    signers = tuple(signer.key for signer in request.signers)
    return Built(request.output_dir / manifest.folder, manifest, contents_digest(contents), signers, watch.laps)


def pinned(request: Request) -> Policy:
    """Return the policy that goes into the zipapp. Raises UsageError for keys and a threshold that don't agree."""
    keys = tuple(dict.fromkeys([*(signer.key for signer in request.signers), *request.trusted]))
    try:
        policy = pins(keys, request.threshold)
    except TrustError as error:
        raise UsageError(error.what, advice=_("Name each key once, and a threshold that they can meet.")) from error
    # who may sign a release may sign what says less: how safe it is
    release = policy.roles[RELEASE]
    return replace(policy, roles={RELEASE: release, "advisories": release, "exceptions": release})


class Stopwatch:
    """Seconds for each phase, in order."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(now - self.last, 3)
        self.last = now


def read_profile(request: Request) -> Profile:
    """Return the profile that the request names, the project's own, or one made from its pyproject.toml."""
    path = find_profile(request.profile, request.project_root)
    profile = load_profile(path, request.project_root) if path else default_profile(request.project_root)
    return with_models(profile, request.models)


def collect_wheels(selection: Selection, request: Request, progress: Progress) -> list[Wheel]:
    """Fetch the target's wheels; sorted by file name, as the manifest lists them."""
    progress.step(_("Collecting {count} wheels").format(count=len(selection.wheels)))
    paths = fetch_wheels(selection.wheels, request.cache, progress, offline=request.offline)
    wheels = []
    for locked in sorted(selection.wheels, key=lambda wheel: wheel.filename):
        facts = wheel_facts(paths[locked], locked)
        package = Package(locked.name, locked.version, f"{DEPENDENCIES}/wheels/{locked.filename}", facts.licence)
        wheels.append(Wheel(package, paths[locked], facts))
    return wheels


def fetch_model(source: ModelSource, request: Request, progress: Progress) -> tuple[ModelSource, CollectedModel]:
    """Fetch or find one model's files."""
    assert source.source is not None  # with_models made sure
    progress.step(_("Collecting the model {name}").format(name=source.name))
    spec = parse_model_spec(source.source)
    model = collect_model(spec, source.name, request.cache, progress, include=source.include, exclude=source.exclude)
    if source.probe and source.probe.embedding is None:
        progress.warn(
            _("The profile gives no embedding for the probe of {name}: the host will not check what it embeds.").format(
                name=source.name
            )
        )
    return source, model


def members_of(inputs: Inputs, target: Target, zipapp: Path) -> list[Member]:
    """Return everything that goes into the archive, in the order of its paths."""
    found = [
        member(PYLOCK, "lock", write_pylock(lock_rows(inputs.selection.wheels))),
        member(
            f"{DEPENDENCIES}/requirements-{target.platform}.txt", "lock", write_requirements(inputs.selection.wheels)
        ),
        member(INSTALLER_MEMBER, "script", zipapp),
        *(member(wheel.package.wheel, "wheel", wheel.path) for wheel in inputs.wheels),
        *(member(f"{SOURCE}/{source.path_in_app}", "source", source.file) for source in inputs.sources),
        *inputs.verification.members,
    ]
    for _source, model in inputs.models:
        found += [member(f"{MODELS}/{model.name}/{file.path}", "model", file.source) for file in model.files]
    wheel_sums = {item.entry.inner: item.entry.sha256 for item in found if item.entry.kind == "wheel"}
    if wheel_sums:
        sums = {f"wheels/{name}": value for name, value in wheel_sums.items()}
        found.append(member(f"{DEPENDENCIES}/checksums.sha256", "lock", digest.write_sums(sums)))
    found += documents.members(inputs.product, target, inputs.profile)
    found.sort(key=lambda item: item.entry.path)
    clash = collision([item.entry.path for item in found])
    if clash:
        raise BuildError(
            _("{first} and {second} meet on a host that ignores case.").format(first=clash[0], second=clash[1]),
            advice=_("Rename one of them."),
        )
    return found


def manifest_of(inputs: Inputs, target: Target, epoch: int, contents: Sequence[Member]) -> Manifest:
    """Return the manifest, checked by the same strict reader that hosts use."""
    laid = [item.entry.size for item in contents if item.entry.kind in ("source", "script")]
    manifest = Manifest(
        product=inputs.product,
        target=target,
        python_range=inputs.selection.python_range,
        created=datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        lock_sha256=inputs.lock.sha256,
        source_commit=inputs.commit,
        files=tuple(item.entry for item in contents),
        packages=tuple(wheel.package for wheel in inputs.wheels),
        models=tuple(model_entry(source, model) for source, model in inputs.models),
        application=inputs.profile.application,
        installed_bytes=sum(laid, inputs.verification.installed_bytes)
        + sum(wheel.facts.installed_bytes for wheel in inputs.wheels),
        installed_files=len(laid)
        + inputs.verification.installed_files
        + sum(wheel.facts.files for wheel in inputs.wheels),
    )
    try:
        return check_manifest(manifest.to_bytes())
    except TrustError as error:
        raise BuildError(error.what, advice=_("Change the project or its profile so that this can travel.")) from error


def model_entry(source: ModelSource, model: CollectedModel) -> Model:
    """Return a model's entry, with its probe when the embedding is known."""
    probe = None
    if source.probe and source.probe.embedding is not None:
        wanted = source.probe
        probe = Probe(wanted.command, wanted.sentence, source.probe.embedding, wanted.tolerance, wanted.batch)
    return Model(model.name, model.repository, model.revision, probe)


def write_folder(
    work: Path, manifest: Manifest, contents: Sequence[Member], signers: Sequence[Signer], progress: Progress
) -> None:
    """Write archive, manifest, sums and signatures beside the zipapp."""
    manifest_bytes = manifest.to_bytes()
    sums = {
        INSTALLER: contents_digest(contents),
        NAME: digest.sha256_bytes(manifest_bytes),
        manifest.archive: write_archive(work / manifest.archive, manifest, manifest_bytes, contents, progress),
    }
    (work / NAME).write_bytes(manifest_bytes)
    sums_bytes = digest.write_sums(sums)
    (work / SUMS).write_bytes(sums_bytes)
    for signer in signers:
        (work / f"{SUMS}.{signer.key.keyid}.sig").write_bytes(signer.sign(sums_bytes, RELEASE_NAMESPACE))


def contents_digest(contents: Sequence[Member]) -> str:
    """Return the zipapp's digest."""
    return next(item.entry.sha256 for item in contents if item.entry.path == INSTALLER_MEMBER)


@contextmanager
def workspace(output_dir: Path) -> Iterator[Path]:
    """Give a folder beside the result, which is gone at the end unless it was moved into place."""
    output_dir.mkdir(parents=True, exist_ok=True)
    work = output_dir / f".building-{os.getpid()}"
    files.remove_tree(work)
    work.mkdir()
    try:
        yield work
    finally:
        files.remove_tree(work)


def put_in_place(folder: Path, target: Path) -> None:
    """Move a finished folder to its name; a former build of that name goes only now."""
    files.sync_filesystem(folder)
    former = target.with_name(f".former-{os.getpid()}")
    if target.exists():
        os.replace(target, former)
    os.replace(folder, target)
    files.remove_tree(former)
