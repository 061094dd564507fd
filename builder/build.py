"""The story of a build: from a uv-locked project to the folders that travel, one for each target."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from builder.assemble.assemble import write_archive
from builder.assemble.contents import manifest_of, members_of
from builder.assemble.workspace import put_in_place, workspace
from builder.evidence.provenance import parameters_of
from builder.fetch.credentials import index_logins
from builder.lock.lock import Selection, read_lock
from builder.lock.targets import demand_whole, survey
from builder.models.models import CollectedModel, collect_model, parse_model_spec
from builder.models.probe import with_embedding
from builder.project.chosen_models import with_models, without_models
from builder.project.default_profile import default_profile
from builder.project.profile import Profile, find_profile, load_profile
from builder.project.project import read_project, read_uv_settings
from builder.project.source import collect_source
from builder.project.unchecked import unchecked
from builder.request.delta import bases_of, name_of
from builder.request.inputs import Common, Inputs, Wheel
from builder.request.moment import moment_of
from builder.request.state import SourceState, demand_commit, demand_same, state_of, tell_state
from builder.request.verification import Verification, demand_safe, knowledge_of, verify_packages
from builder.settings import lazy_names
from builder.settings.scan import find_unlisted, packages_of, tell
from builder.signing import slip
from builder.signing.release import Release
from builder.wheels import attestations
from builder.wheels.build_tools import Workshop
from builder.wheels.builds import build_wheels, is_native_here
from builder.wheels.interpreter import bring_python
from builder.wheels.wheels import fetch_wheels, wheel_facts
from builder.zipapp import pack
from bundle import digest
from bundle.manifest import NAME, Product
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER, SUMS
from bundle.reading.delta import BASE
from bundle.signing.policy import RELEASE, RELEASE_NAMESPACE, pins
from bundle.target import host_glibc
from shared.errors import TrustError, UsageError
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from builder.lock.locked import LockedWheel
    from builder.lock.targets import Standing
    from builder.project.model_source import ModelSource
    from builder.project.unchecked import Unchecked
    from builder.request.bases import Base
    from builder.request.request import Request
    from bundle.manifest import Manifest
    from bundle.signing.policy import Policy
    from bundle.signing.signature import PublicKey
    from bundle.target import Target
    from shared.terminal.progress import Progress


@dataclass(frozen=True)
class Built:
    """What was built for one target: the folder that travels, its manifest, the trust slip.

    ``archive`` are the names of the files that hold the archive, more than one when it is cut into volumes.
    ``base`` is the release that a delta builds on.
    """

    folder: Path
    manifest: Manifest
    zipapp_sha256: str
    archive: tuple[str, ...]
    base: Base | None
    slip: Path


@dataclass(frozen=True)
class Outcome:
    """What a run built: a folder for each target, who signed, seconds for each phase.

    ``attested`` counts the wheels of each verdict, empty where none were checked; ``state`` what the source was;
    ``unchecked`` what hosts will not check for want of a word in the profile.
    """

    built: tuple[Built, ...]
    signers: tuple[PublicKey, ...]
    seconds: dict[str, float]
    attested: dict[str, int]
    state: SourceState
    unchecked: tuple[Unchecked, ...]


def build(request: Request, progress: Progress) -> Outcome:
    """Build a signed bundle and its zipapp for each target.

    1. Read the project, its profile and its lock; choose every target's wheels and the files that travel.
    2. Look for known vulnerabilities, before and after packages are built from source; what the request says of them
       ends the build.
    3. Fetch wheels and models once, every byte hashed; look who attests the wheels.
    4. Build each platform's zipapp with the signers' keys pinned.
    5. Write manifest, archive, sums and slip beside each other, sign them, move all folders into place.

    Raises UsageError, BuildError, ToolError; the output folder then holds nothing of this run.
    """
    watch = Stopwatch()
    root, policy = request.project_root, pinned(request)
    progress.step(_("Reading {project}").format(project=root))
    project = read_project(root)
    moment = moment_of(request)
    epoch, counter = moment.epoch, moment.counter
    base_of = bases_of(request, project.name, moment)
    profile = read_profile(request, progress)
    product = Product(project.name, profile.title, project.version, counter)
    lock = read_lock(root, extras=request.extras, groups=request.groups)
    knowledge = knowledge_of(request, policy, progress)
    standings = survey(lock, request.targets, build=request.sources)
    demand_whole(standings)
    demand_safe(knowledge, standings, progress)
    state = state_of(root, profile, standings, request.python)
    if request.strict_source:
        demand_commit(state, root)
    tell_state(state, progress)
    sources = collect_source(root, profile, progress, leave_out=[request.output_dir])
    tell(find_unlisted(root, sources, profile.application.environment, packages_of(lock)), progress)
    for line in lazy_names.lines(profile.application.lazy_imports, sources):
        progress.warn(line)
    with request.cache.in_use():
        selections = build_sources(standings, request, progress)
        watch.lap("lock")
        verified = verify_packages(request, knowledge, selections, product, epoch, progress)
        watch.lap("advisories")
        wheels = collect_wheels(selections.values(), request, progress)
        watch.lap("wheels")
        verdicts = attestations.look(
            sorted(wheels),
            lock,
            request.cache,
            progress,
            mode=request.attestations,
            offline=request.offline,
            logins=workshop_of(request).logins,
        )
        watch.lap("attestations")
        models = [fetch_model(source, profile, request, progress) for source in profile.models]
        watch.lap("models")
        choices = parameters_of(request)
        common = Common(product, profile, lock, models, sources, state, epoch, choices, verdicts)
        inputs = [
            inputs_of(common, target, selection, wheels, verified[target], policy)
            for target, selection in selections.items()
        ]
        with workspace(request.output_dir) as work:
            zipapps = build_zipapps(request, policy, work, progress)
            watch.lap("zipapp")
            built = []
            for one in [with_python(one, request, work, progress) for one in inputs]:
                target = one.target
                progress.step(_("Writing the bundle for {target}, Python {python}").format(
                    target=target, python=target.python
                ))  # fmt: skip
                built.append(
                    write_folder(
                        work, one, zipapps[str(target)], request, policy, base_of.get(name_of(target)), progress
                    )
                )
            watch.lap("archive")
            demand_same(state, state_of(root, profile, standings, request.python))
            put_in_place(work, request.output_dir, [path for one in built for path in (one.folder, one.slip.parent)])
    placed = tuple(
        replace(one, **{name: request.output_dir / getattr(one, name).relative_to(work) for name in ("folder", "slip")})
        for one in built
    )
    signers = tuple(signer.key for signer in request.signers)
    counted = attestations.counted(verdicts) if verdicts else {}
    return Outcome(placed, signers, watch.laps, counted, state, tuple(unchecked(profile)))


def pinned(request: Request) -> Policy:
    """Return the policy that goes into the zipapp. Raises UsageError for keys and a threshold that don't agree."""
    keys = tuple(dict.fromkeys([*(signer.key for signer in request.signers), *request.trusted]))
    try:
        policy = pins(keys, request.threshold)
    except TrustError as error:
        raise UsageError(error.what, advice=_("Specify each key once, and a threshold that they can meet.")) from error
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


def read_profile(request: Request, progress: Progress) -> Profile:
    """Return the profile that the request names, the project's own, or one made from its pyproject.toml."""
    path = find_profile(request.profile, request.project_root)
    profile = load_profile(path, request.project_root) if path else default_profile(request.project_root)
    for note in profile.notes:
        progress.warn(note)
    return without_models(with_models(profile, request.models), request.without_models)


def build_sources(standings: Sequence[Standing], request: Request, progress: Progress) -> dict[Target, Selection]:
    """Return what each target needs, sources built to wheels."""
    workshop = workshop_of(request)
    return dict(with_built(one.target, one.demanded, workshop, progress) for one in standings)


def workshop_of(request: Request) -> Workshop:
    """Return what builds from source share."""
    settings = read_uv_settings(request.project_root)
    return Workshop(request.cache, settings, index_logins(settings, os.environ), offline=request.offline)


def with_built(
    target: Target, selection: Selection, workshop: Workshop, progress: Progress
) -> tuple[Target, Selection]:
    """Return a selection whose sources are wheels, and the target: a native build asks for this machine's glibc."""
    built = build_wheels(selection.sources, target, workshop, progress)
    native = [wheel for wheel in built if is_native_here(wheel)]
    here = host_glibc()
    if native and here and here > target.glibc:
        progress.warn(
            _(
                "{packages}: built from source on this machine, so hosts need its glibc {version} or later, "
                "and only {target} can use them."
            ).format(packages=", ".join(wheel.name for wheel in native), version="{}.{}".format(*here), target=target)
        )
        target = replace(target, glibc=here)
    return target, Selection(tuple(sorted([*selection.wheels, *built])), selection.python_range)


def collect_wheels(selections: Iterable[Selection], request: Request, progress: Progress) -> dict[LockedWheel, Wheel]:
    """Fetch the wheels of all targets, each once, and inspect them."""
    wanted = sorted({wheel for selection in selections for wheel in selection.wheels})
    progress.step(
        plural("Collecting {count} wheel", "Collecting {count} wheels", len(wanted)).format(count=len(wanted))
    )
    logins = workshop_of(request).logins
    paths = fetch_wheels(wanted, request.cache, progress, offline=request.offline, logins=logins)
    return {wheel: Wheel(wheel, paths[wheel], wheel_facts(paths[wheel], wheel)) for wheel in wanted}


def inputs_of(
    common: Common,
    target: Target,
    selection: Selection,
    wheels: Mapping[LockedWheel, Wheel],
    verification: Verification,
    policy: Policy,
) -> Inputs:
    """Return what one target's bundle is made of; ``policy`` has the keys that its installer pins."""
    keyids = tuple(signer.key.keyid for signer in policy.of_role(RELEASE))
    chosen = [wheels[wheel] for wheel in selection.wheels]
    return Inputs(common, target, selection, chosen, verification, keyids=keyids)


def with_python(inputs: Inputs, request: Request, work: Path, progress: Progress) -> Inputs:
    """Return the inputs with the Python to embed in the bundle, if any."""
    if request.python is None:
        return inputs
    scratch = work / f".python-{inputs.target}-{inputs.target.abi}"
    scratch.mkdir()
    return replace(inputs, python=bring_python(request.python, inputs.target, scratch, progress))


def fetch_model(
    source: ModelSource, profile: Profile, request: Request, progress: Progress
) -> tuple[ModelSource, CollectedModel]:
    """Fetch or find one model's files, and what it answers to its probe."""
    assert source.source is not None  # with_models made sure
    progress.step(_("Collecting the model {name}").format(name=source.name))
    spec = parse_model_spec(source.source)
    model = collect_model(
        spec,
        source.name,
        request.cache,
        progress,
        include=source.include,
        exclude=source.exclude,
        offline=request.offline,
    )
    application, root = profile.application, request.project_root
    return with_embedding(source, model, application, root, progress), model


def build_zipapps(request: Request, policy: Policy, work: Path, progress: Progress) -> dict[str, Path]:
    """Build the installer once for each platform and architecture: the Python version makes no difference to it.

    Nor does the day: the same installer comes with every release, and a delta leaves it out.
    """
    zipapps: dict[str, Path] = {}
    for target in request.targets:
        if str(target) not in zipapps:
            zipapps[str(target)] = pack.build_zipapp(
                work / f"{target}-{INSTALLER}",
                target,
                policy=policy.to_bytes(),
                epoch=pack.EARLIEST,
                cache=request.cache,
                progress=progress,
                offline=request.offline,
            )
    return zipapps


def write_folder(
    work: Path, inputs: Inputs, zipapp: Path, request: Request, policy: Policy, base: Base | None, progress: Progress
) -> Built:
    """Write archive, manifest, zipapp, sums, signatures and the trust slip of one target into the workspace.

    A delta contains what its base has not, and the base's manifest.
    """
    contents = members_of(inputs, zipapp)
    manifest = manifest_of(inputs, contents)
    left_out = base.left_out(manifest) if base else frozenset()
    folder = work / (base.folder(manifest) if base else manifest.folder)
    folder.mkdir()
    manifest_bytes = manifest.to_bytes()
    sums = write_archive(
        folder / manifest.archive,
        manifest,
        manifest_bytes,
        [item for item in contents if item.entry not in left_out],
        progress,
        volume_size=request.volume_size,
    )
    archive = tuple(sums)
    beside = {NAME: manifest_bytes, **({BASE: base.data} if base else {})}
    for name, data in beside.items():
        (folder / name).write_bytes(data)
        sums[name] = digest.sha256_bytes(data)
    installer = next(item.entry for item in contents if item.entry.path == INSTALLER_MEMBER)
    if installer not in left_out:
        shutil.copy(zipapp, folder / INSTALLER)
        sums[INSTALLER] = installer.sha256
    sums_bytes = digest.write_sums(sums)
    (folder / SUMS).write_bytes(sums_bytes)
    for signer in request.signers:
        (folder / f"{SUMS}.{signer.key.keyid}.sig").write_bytes(signer.sign(sums_bytes, RELEASE_NAMESPACE))
    release = Release(folder, manifest, sums_bytes, tuple(signer.key for signer in request.signers), policy)
    return Built(folder, manifest, installer.sha256, archive, base, slip.write_slip(release))
