"""Gathering the inputs of bundles: wheels (fetched or built here), their attestations, models and an interpreter."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from builder.evidence.native import native_of, unjudged_lines
from builder.evidence.provenance import parameters_of
from builder.fetch.cache import sha256
from builder.lock.lock import Selection, own_source
from builder.models.models import CollectedModel, collect_model
from builder.models.probe import LocalApplication, with_embedding
from builder.project.own_wheel import read_own_wheel
from builder.request.inputs import Common, Inputs, Wheel
from builder.request.reading import read_profile, require_commands, with_members
from builder.sources.in_wheels import require_clean
from builder.wheels.agreement import require_agreement, require_as_locked
from builder.wheels.attesting import attestations
from builder.wheels.builds import build_wheels, is_native_here
from builder.wheels.interpreter import add_python
from builder.wheels.launchable import require_launchable
from builder.wheels.settling import Settling
from builder.wheels.wheels import fetch_wheels, wheel_facts
from bundle.target import host_glibc
from shared.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from builder.lock.locked import LockedWheel
    from builder.project.model_source import ModelSource
    from builder.request.run import Run, Scope
    from builder.request.verification import Verification
    from builder.wheels.attesting.attestation_record import Verdict
    from bundle.target import Target

    Models = list[tuple[ModelSource, CollectedModel]]


def build_sources(scope: Scope, run: Run) -> dict[Target, Selection]:
    """Return the selection of wheels for each target, with sources built into wheels."""
    selections = dict(_with_built(standing.target, standing.required, run) for standing in scope.standings)
    own = {one.name for standing in scope.standings for one in standing.required.sources if one.kind == "folder"}
    for wheel in sorted({wheel for selection in selections.values() for wheel in selection.built if wheel.name in own}):
        require_clean(run.request.cache.path(sha256(wheel.sha256)), wheel.filename, scope.profile.allow_secrets)
    if "frozen" not in run.request.lockfile.options():
        built = sorted({wheel for selection in selections.values() for wheel in selection.built})
        require_as_locked(built, run.request.lockfile.path, run.workshop)
    return selections


def _with_built(target: Target, selection: Selection, run: Run) -> tuple[Target, Selection]:
    """Return a target and its selection with sources built into wheels; native ones may raise the target's glibc."""
    made = build_wheels(selection.sources, target, run.workshop)
    built = [one.wheel for one in made]
    native = [wheel for wheel in built if is_native_here(wheel)]
    here = host_glibc()
    if native and here and here > target.glibc:
        run.progress.warn(
            _(
                "{packages}: built from source on this machine, so hosts need its glibc {version} or later, "
                "and only {target} can use them."
            ).format(packages=", ".join(wheel.name for wheel in native), version="{}.{}".format(*here), target=target)
        )
        target = replace(target, glibc=here)
    wheels = tuple(sorted([*selection.wheels, *built]))
    require_agreement(built, wheels, target.environment((selection.python_range or (0, 0))[0]), run.workshop)
    resolutions = tuple(sorted({one for item in made for one in item.resolutions}))
    return target, Selection(wheels, selection.python_range, (), tuple(built), resolutions)


def settled(scope: Scope, selections: Mapping[Target, Selection], run: Run) -> Scope:
    """Return the scope with what only the project's own wheel has: a dynamic version, scripts and modules."""
    own = [own_source(standing.required, run.request.project_root) for standing in scope.standings]
    names = {source.name for source in own if source}
    wheels = [wheel for one in selections.values() for wheel in one.built if wheel.name in names]
    if not wheels:
        return scope
    wheel = read_own_wheel(run.request.cache.path(sha256(wheels[0].sha256)), wheels[0].filename)
    profile = read_profile(run.request, run.progress, wheel)
    profile = with_members(profile, scope.standings, run.request, run.progress, wheel)
    for note in profile.notes:
        if note not in scope.profile.notes:
            run.progress.warn(note)
    require_commands(profile, run.request.project_root)
    return replace(
        scope, product=replace(scope.product, version=scope.product.version or wheel.version), profile=profile
    )


def collect_wheels(selections: Iterable[Selection], run: Run) -> dict[LockedWheel, Wheel]:
    """Fetch and inspect the wheels of all targets, each once."""
    wanted = sorted({wheel for selection in selections for wheel in selection.wheels})
    run.progress.step(
        plural("Collecting {count} wheel", "Collecting {count} wheels", len(wanted)).format(count=len(wanted))
    )
    paths = fetch_wheels(wanted, run.workshop.fetching)
    return {wheel: Wheel(wheel, paths[wheel], wheel_facts(paths[wheel], wheel)) for wheel in wanted}


def report_unjudged(wheels: Mapping[LockedWheel, Wheel], scope: Scope, run: Run) -> None:
    """Warn about software inside wheels that no advisory is compared with, if this build compares any."""
    if scope.knowledge is None:
        return
    declared = [
        (wheel.filename, native) for wheel, one in sorted(wheels.items()) for native in native_of(one.path).values()
    ]
    for line in unjudged_lines(declared):
        run.progress.warn(line)


def settle_conflicts(
    selections: Mapping[Target, Selection], wheels: Mapping[LockedWheel, Wheel], scope: Scope, run: Run
) -> dict[Target, Selection]:
    """Return the selections with the files of which several wheels have different ones, as the profile decides.

    Raises BuildError for a launcher of a module that is in no wheel of a target, and not in the source.
    """
    source = [file.path_in_app for file in scope.sources]
    for selection in selections.values():
        require_launchable(scope.profile.application, source, [wheels[one].path for one in selection.wheels])
    settling = Settling(scope.profile.winners, run.progress)
    settled = {
        target: replace(
            selection, conflicts=settling.settle(target, {one: wheels[one].path for one in selection.wheels})
        )
        for target, selection in selections.items()
    }
    settling.report_unused()
    return settled


def attest(wheels: Iterable[LockedWheel], scope: Scope, run: Run) -> dict[LockedWheel, Verdict]:
    """Check the attestations of the wheels in the mode that the request specifies."""
    request = run.request
    return attestations.inspect(
        sorted(wheels), scope.lock, run.workshop.fetching, mode=request.attestations, terms=request.attesting
    )


def collect_models(scope: Scope, run: Run) -> Models:
    """Fetch or find the files of the profile's models, and the embedding that each computes for its probe."""
    return [_model(source, scope, run) for source in scope.profile.models]


def _model(source: ModelSource, scope: Scope, run: Run) -> tuple[ModelSource, CollectedModel]:
    run.progress.step(_("Collecting the model {name}").format(name=source.name))
    model = collect_model(source, run.fetching)
    local = LocalApplication(scope.profile.application, run.request.project_root)
    return with_embedding(source, model, local, run.progress), model


def common_of(scope: Scope, models: Models, verdicts: Mapping[LockedWheel, Verdict], run: Run) -> Common:
    """Return the inputs that all bundles of a run share."""
    return Common(
        scope.product,
        scope.profile,
        scope.lock,
        models,
        scope.sources,
        scope.state,
        scope.epoch,
        parameters_of(run.request),
        verdicts,
    )


def inputs_of(
    common: Common,
    selections: Mapping[Target, Selection],
    wheels: Mapping[LockedWheel, Wheel],
    verified: Mapping[Target, Verification],
) -> list[Inputs]:
    """Return the inputs of each target's bundle."""
    return [
        Inputs(common, target, selection, [wheels[wheel] for wheel in selection.wheels], verified[target])
        for target, selection in selections.items()
    ]


def with_python(inputs: Inputs, work: Path, run: Run) -> Inputs:
    """Return the inputs with the IDs of the keys that installers pin, and with the interpreter to include, if any."""
    inputs = replace(inputs, keyids=run.keyids)
    if run.request.python is None:
        return inputs
    scratch = work / f".python-{inputs.target}-{inputs.target.abi}"
    scratch.mkdir()
    return replace(inputs, python=add_python(run.request.python, inputs.target, scratch, run.progress))
