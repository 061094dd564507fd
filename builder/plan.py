"""The plan of a build, made before any file is fetched: sizes, targets and missing wheels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.fetch.cache import sha256
from builder.fetch.fetching import Fetching
from builder.lock.accelerators import accelerator_of
from builder.lock.targets import Standing, survey
from builder.models.models import measure_model
from builder.product.identity import product_of
from builder.project.unchecked import unchecked
from builder.request.accelerators import require_accelerators
from builder.request.delta import bases_of, name_of
from builder.request.foresight_view import foresight_lines
from builder.request.moment import moment_of
from builder.request.reading import (
    foresee_commands,
    read_packages,
    read_profile,
    require_usable,
    sources_of,
    with_members,
)
from builder.request.run import pinned
from builder.request.state import SourceState, report_state, require_commit, state_of
from builder.request.verification import foresee, knowledge_of, write_foresights
from builder.settings import lazy_names
from builder.settings.scan import find_unlisted, note_lines, packages_of
from builder.wheels.launchable import require_launchable
from builder.wheels.settling import Settling
from shared.i18n import _, plural
from shared.terminal.console import human_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from builder.lock.locked import LockedWheel
    from builder.project.hosts_python import HostsPython
    from builder.project.model_source import ModelSource
    from builder.project.profile import Profile
    from builder.project.unchecked import Unchecked
    from builder.request.bases import Base
    from builder.request.request import Request
    from builder.request.verification import Foresight
    from builder.settings.scan import Unlisted
    from shared.terminal.progress import Progress


@dataclass(frozen=True)
class Size:
    """The number and the total size in bytes of files of one kind."""

    name: str
    files: int
    size: int

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "files": self.files, "bytes": self.size}


@dataclass(frozen=True)
class Plan:
    """The plan of a build.

    ``fetched`` lists the wheels of all targets that are not in the cache. The ``unsized`` wheels, whose size the
    lockfile does not record, count as 0 bytes. ``foresights`` is None if the build does not scan for known
    vulnerabilities. ``unlisted`` lists settings that PREFIX/.env could not set.
    """

    product: str
    standings: tuple[Standing, ...]
    fetched: Size
    cached: Size
    unsized: int
    models: tuple[Size, ...]
    source: Size
    state: SourceState
    bases: Mapping[str, Base]
    foresights: tuple[Foresight, ...] | None
    unlisted: tuple[Unlisted, ...]
    unchecked: tuple[Unchecked, ...]
    unused_lazy: tuple[str, ...]
    python: HostsPython | None = None

    @property
    def would_build(self) -> bool:
        """Whether each target has all it needs, and no known vulnerability fails the build."""
        whole = all(standing.selection for standing in self.standings)
        return whole and all(foresight.passes for foresight in self.foresights or ())

    def bundle_bytes(self, standing: Standing) -> int:
        """The size of a target's bundle in bytes, without the installer and files of unknown size."""
        return standing.wheel_bytes + sum(part.size for part in (*self.models, self.source))

    def left_out(self, standing: Standing) -> Size | None:
        """The wheels that a delta bundle would omit, or None without a base; other files are not hashed yet."""
        base = self.bases.get(name_of(standing.target))
        if base is None or standing.selection is None:
            return None
        return _sum("wheels", {wheel for wheel in standing.selection.wheels if base.has_wheel(wheel.sha256)})

    def to_json(self) -> dict[str, Any]:
        return {
            "product": self.product,
            "python": self.python and self.python.to_json(),
            "targets": [
                {
                    **standing.to_json(),
                    "accelerator": _accelerator_json(standing),
                    "bundle_bytes": self.bundle_bytes(standing),
                    "left_out": left_out.to_json() if (left_out := self.left_out(standing)) else None,
                }
                for standing in self.standings
            ],
            "to_fetch": self.fetched.to_json(),
            "cached": self.cached.to_json(),
            "wheels_without_size": self.unsized,
            "models": [model.to_json() for model in self.models],
            "source": self.source.to_json(),
            "source_state": self.state.to_json(),
            "advisories": None if self.foresights is None else [one.to_json() for one in self.foresights],
            "unlisted_settings": [setting.to_json() for setting in self.unlisted],
            "unchecked": [item.to_json() for item in self.unchecked],
        }


def make_plan(request: Request, progress: Progress) -> Plan:
    """Return the plan of a request. Only lists of files are fetched: of model hubs, and for a requirements.txt.

    Raises BuildError if a build would stop before it fetches anything, except for missing wheels and known
    vulnerabilities, which are in the plan; also for conflicts between wheels that are in the cache.
    """
    root = request.project_root
    profile = read_profile(request, progress)
    project = product_of(root, request.said, profile)
    bases = bases_of(request, project.name, moment_of(request))
    lock = read_packages(request, progress)
    knowledge = knowledge_of(request, pinned(request) if request.signers or request.trusted else None, progress)
    standings = survey(lock, request.targets, build=request.sources)
    require_usable(project, standings, request)
    profile = with_members(profile, standings, request, progress)
    foresee_commands(profile, standings, root)
    require_accelerators(profile, standings)
    wheels = {wheel for standing in standings if standing.selection for wheel in standing.selection.wheels}
    there = {wheel for wheel in wheels if request.cache.path(sha256(wheel.sha256)).is_file()}
    sources = sources_of(request, profile, progress)
    inspect_cached(standings, profile, [one.path_in_app for one in sources], Fetching(request.cache, progress))
    state = state_of(request, profile, standings, sources)
    if request.strict_source:
        require_commit(state, root)
    report_state(state, progress)
    foresights = foresee(knowledge, standings) if knowledge else []
    write_foresights(knowledge, foresights)
    return Plan(
        product=f"{project.name} {project.version}".rstrip(),
        standings=tuple(standings),
        fetched=_sum("wheels", wheels - there),
        cached=_sum("wheels", there),
        unsized=sum(1 for wheel in wheels if wheel.size is None),
        models=tuple(_measured(model, request, progress) for model in profile.models),
        source=Size("source", len(sources), sum(item.file.stat().st_size for item in sources)),
        state=state,
        bases=bases,
        foresights=tuple(foresights) if knowledge else None,
        unlisted=find_unlisted(root, sources, profile.application.environment, packages_of(lock)),
        unchecked=tuple(unchecked(profile, root)),
        python=request.python_choice,
        unused_lazy=tuple(lazy_names.lines(profile.application.lazy_imports, sources)),
    )


def _accelerator_json(standing: Standing) -> dict[str, Any] | None:
    found = accelerator_of(standing.selection.wheels) if standing.selection else None
    return found.to_json() if found else None


def inspect_cached(standings: Iterable[Standing], profile: Profile, files: Sequence[str], fetching: Fetching) -> None:
    """Raise BuildError for conflicts between wheels, and for launchers without a module, that a build would refuse.

    Only wheels have the names of their files, so a target is left out unless the cache holds all of its wheels.
    ``files`` are the paths of the application's own.
    """
    settling = Settling(profile.winners, fetching.progress)
    for standing in standings:
        if standing.selection is None:
            continue
        paths = {wheel: fetching.cache.path(sha256(wheel.sha256)) for wheel in standing.selection.wheels}
        if all(path.is_file() for path in paths.values()):
            settling.settle(standing.target, paths)
            if not standing.selection.sources:  # what is built may have the module
                require_launchable(profile.application, files, paths.values())


def _measured(model: ModelSource, request: Request, progress: Progress) -> Size:
    files, size = measure_model(model, Fetching(request.cache, progress, request.offline))
    return Size(model.name, files, size)


def _sum(name: str, wheels: set[LockedWheel]) -> Size:
    return Size(name, len(wheels), sum(wheel.size or 0 for wheel in wheels))


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield the lines of a human-readable plan."""
    yield _("Plan for {product}").format(product=plan.product)
    if plan.python:
        yield f"  {plan.python}"
    for standing in plan.standings:
        yield from _target_lines(plan, standing)
    yield from _fetch_lines(plan)
    for part in (*plan.models, plan.source):
        yield plural("  {name}: {count} file, {size}", "  {name}: {count} files, {size}", part.files).format(
            name=part.name, count=part.files, size=human_bytes(part.size)
        )
    if plan.state.commit:
        yield _("  commit: {commit}").format(commit=plan.state.described)
    yield from foresight_lines(plan.foresights or ())
    yield from note_lines(plan.unlisted)
    yield from (f"  {line}" for item in plan.unchecked for line in item.lines())
    yield from (f"  {line}" for line in plan.unused_lazy)


def _target_lines(plan: Plan, standing: Standing) -> Iterator[str]:
    """Yield the lines about a target's bundle, or about the wheels that it lacks."""
    target = f"{standing.target} cp{standing.target.python.replace('.', '')}"
    if standing.selection:
        yield plural(
            "  {target}: {count} wheel, about {size}",
            "  {target}: {count} wheels, about {size}",
            len(standing.selection.wheels),
        ).format(target=target, count=len(standing.selection.wheels), size=human_bytes(plan.bundle_bytes(standing)))
        left_out = plan.left_out(standing)
        if left_out:
            yield plural(
                "    {count} wheel, {size}, is omitted: the base bundle has it",
                "    {count} wheels, {size}, are omitted: the base bundle has them",
                left_out.files,
            ).format(count=left_out.files, size=human_bytes(left_out.size))
        accelerator = accelerator_of(standing.selection.wheels)
        if accelerator:
            yield _("    accelerator: {accelerator}").format(accelerator=accelerator)
        for source in standing.selection.sources:
            yield _("    built from source: {package}").format(package=f"{source.name} {source.version}".rstrip())
    elif standing.error:
        yield _("  {target}: cannot be built").format(target=target)
        yield from (f"    {gap}" for gap in standing.gaps or (standing.error.what,))


def _fetch_lines(plan: Plan) -> Iterator[str]:
    """Yield the lines about the files to fetch, with sizes as far as the lockfile has them."""
    yield plural(
        "  to fetch: {count} wheel, {size}; in the cache: {cached}, {cached_size}",
        "  to fetch: {count} wheels, {size}; in the cache: {cached}, {cached_size}",
        plan.fetched.files,
    ).format(
        count=plan.fetched.files,
        size=human_bytes(plan.fetched.size),
        cached=plan.cached.files,
        cached_size=human_bytes(plan.cached.size),
    )
    if plan.unsized:
        yield plural(
            "  the lockfile has no size for {count} wheel",
            "  the lockfile has no size for {count} wheels",
            plan.unsized,
        ).format(count=plan.unsized)
