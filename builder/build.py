"""The steps of a build, from a uv-locked project to one bundle folder for each target."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from builder.assemble.folder import Built, Parts, write_folder
from builder.assemble.gather import (
    attest,
    build_sources,
    collect_models,
    collect_wheels,
    common_of,
    inputs_of,
    report_unjudged,
    settle_conflicts,
    settled,
    with_python,
)
from builder.assemble.workspace import put_in_place, workspace
from builder.lock.build_lock import write_build_lock
from builder.project.unchecked import unchecked
from builder.request.delta import name_of
from builder.request.reading import read_scope, require_unchanged
from builder.request.run import run_of
from builder.request.verification import verify_packages
from builder.wheels.attesting import attestation_record
from builder.zipapp import pack
from bundle.names import INSTALLER
from shared import troubles
from shared.files.files import write_atomic
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from builder.project.unchecked import Unchecked
    from builder.request.inputs import Inputs
    from builder.request.request import Request
    from builder.request.run import Run, Scope
    from builder.request.state import SourceState
    from bundle.signing.signature import PublicKey
    from shared.terminal.progress import Progress


@dataclass(frozen=True)
class Outcome:
    """The result of a build: a bundle for each target, the signers, and the seconds that each phase took.

    ``attested`` counts the wheels by verdict and is empty if none were checked; ``state`` is that of the source;
    ``unchecked`` lists the checks that hosts will skip because the profile does not define them.
    """

    built: tuple[Built, ...]
    signers: tuple[PublicKey, ...]
    seconds: dict[str, float]
    attested: dict[str, int]
    state: SourceState
    unchecked: tuple[Unchecked, ...]


def build(request: Request, progress: Progress) -> Outcome:
    """Build a signed bundle and its zipapp for each target.

    Raises UsageError, BuildError or ToolError; the output folder then contains nothing from this run.
    """
    watch, run = Stopwatch(), run_of(request, progress)
    # 1. Read the project, its profile and its lockfile; select each target's wheels and the files to bundle.
    scope = read_scope(run)
    with request.cache.in_use():
        # 2. Build packages from source, and scan for known vulnerabilities again: all versions are known now.
        selections = build_sources(scope, run)
        scope = settled(scope, selections, run)
        watch.lap("lock")
        verified = verify_packages(scope, selections, run)
        watch.lap("advisories")
        # 3. Fetch wheels and models once, hashing every byte; check the attestations of the wheels.
        wheels = collect_wheels(selections.values(), run)
        report_unjudged(wheels, scope, run)
        selections = settle_conflicts(selections, wheels, scope, run)
        watch.lap("wheels")
        verdicts = attest(wheels, scope, run)
        watch.lap("attestations")
        models = collect_models(scope, run)
        watch.lap("models")
        inputs = inputs_of(common_of(scope, models, verdicts, run), selections, wheels, verified)
        with workspace(request.output_dir) as work:
            # 4. Build each platform's zipapp with the signers' keys pinned.
            zipapps = build_zipapps(run, work)
            watch.lap("zipapp")
            # 5. Write archive, manifest, sums and trust slip of each target, and sign the sums.
            built = write_folders([with_python(one, work, run) for one in inputs], zipapps, scope, run)
            watch.lap("archive")
            # 6. Move all folders into place, unless the project has changed since it was read.
            require_unchanged(scope, run)
            put_in_place(work, request.output_dir, [path for one in built for path in (one.folder, one.slip.parent)])
    record_requirements(run)
    placed = tuple(in_place(one, work, request.output_dir) for one in built)
    signers = tuple(signer.key for signer in request.signers)
    counted = attestation_record.counted(verdicts) if verdicts else {}
    return Outcome(
        placed, signers, watch.laps, counted, scope.state, tuple(unchecked(scope.profile, request.project_root))
    )


def record_requirements(run: Run) -> None:
    """Write the build requirements that were resolved in this run next to the project's lockfile, for the next run."""
    record, path = run.workshop.record, run.request.build_record
    if not record.new or run.request.build_lock is not None:
        return
    try:
        write_atomic(path, write_build_lock(record.known.values()))
    except OSError as error:
        reason = troubles.reason(error, troubles.WRITING, path=path)
        run.progress.warn(
            _("{file} cannot be written ({reason}); the next build resolves again.").format(file=path, reason=reason)
        )
        return
    run.progress.step(_("Recorded build requirements in {file}; commit it").format(file=path))


class Stopwatch:
    """A stopwatch that records the seconds of each phase, in order."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(now - self.last, 3)
        self.last = now


def build_zipapps(run: Run, work: Path) -> dict[str, Path]:
    """Build the installer once for each platform and architecture; it does not depend on the Python version.

    Nor does it depend on the build time: releases share the same installer, which a delta bundle therefore omits.
    """
    zipapps: dict[str, Path] = {}
    packing = pack.Packing(run.policy.to_bytes())
    for target in run.request.targets:
        if str(target) not in zipapps:
            output = work / f"{target}-{INSTALLER}"
            zipapps[str(target)] = pack.build_zipapp(output, target, run.fetching, packing)
    return zipapps


def write_folders(inputs: Sequence[Inputs], zipapps: dict[str, Path], scope: Scope, run: Run) -> list[Built]:
    """Write the bundle folder of each target next to the installers."""
    return [
        write_folder(one, Parts(zipapp.parent, zipapp, scope.bases.get(name_of(one.target))), run)
        for one in inputs
        for zipapp in (zipapps[str(one.target)],)
    ]


def in_place(built: Built, work: Path, output_dir: Path) -> Built:
    """Return ``built`` with its paths moved from the workspace to the output folder."""
    return replace(
        built,
        folder=output_dir / built.folder.relative_to(work),
        slip=output_dir / built.slip.relative_to(work),
    )
