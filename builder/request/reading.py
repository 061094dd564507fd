"""Read the inputs that a request names (project, profile, lockfile, source) and reject what cannot be built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.lock.lock import own_source, read_lock
from builder.lock.targets import require_whole, survey
from builder.project.chosen_models import with_models, without_models
from builder.project.default_profile import default_profile
from builder.project.profile import find_profile, load_profile
from builder.project.project import read_project
from builder.project.source import collect_source
from builder.request.delta import bases_of
from builder.request.moment import moment_of
from builder.request.run import Scope
from builder.request.state import report_state, require_commit, require_same, state_of
from builder.request.verification import knowledge_of, require_safe
from builder.settings import lazy_names
from builder.settings.scan import find_unlisted, packages_of, report
from builder.wheels.given import require_wanted
from bundle.manifest import Product
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder.lock.targets import Standing
    from builder.project.own_wheel import OwnWheel
    from builder.project.profile import Profile
    from builder.project.project import Project
    from builder.request.request import Request
    from builder.request.run import Run
    from shared.terminal.progress import Progress


def read_profile(request: Request, progress: Progress, wheel: OwnWheel | None = None) -> Profile:
    """Return the profile that the request names, else the project's own, else one derived from the project.

    ``wheel`` is the project's own, once it is built, if it is a package.
    """
    path = find_profile(request.profile, request.project_root)
    root = request.project_root
    profile = load_profile(path, root, wheel) if path else default_profile(root, wheel)
    for note in profile.notes:
        progress.warn(note)
    return without_models(with_models(profile, request.models), request.without_models)


def require_usable(project: Project, standings: Sequence[Standing], request: Request) -> None:
    """Raise UsageError for a wheel that no build would use, and for a dynamic version without a build to compute it."""
    root = request.project_root
    selections = [standing.selection for standing in standings if standing.selection]
    if len(selections) == len(standings):
        require_wanted(request.wheels, [source for selection in selections for source in selection.sources])
    if not project.version and selections and not any(own_source(selection, root) for selection in selections):
        raise UsageError(
            _("{file} has a dynamic version, but uv installs no package of the project.").format(
                file=root / "pyproject.toml"
            ),
            advice=_("Add its [build-system], or set project.version to the version of the bundle."),
        )


def read_scope(run: Run) -> Scope:
    """Return the scope of a build, without fetching anything. Raises UsageError or BuildError if it cannot be built."""
    request, progress, root = run.request, run.progress, run.request.project_root
    # 1.1 The product, the time and counter, the delta bases and the profile.
    progress.step(_("Reading {project}").format(project=root))
    project = read_project(root)
    moment = moment_of(request)
    bases = bases_of(request, project.name, moment)
    profile = read_profile(request, progress)
    product = Product(project.name, profile.title, project.version, moment.counter)
    # 1.2 The wheels: each target must have all of them, and no known vulnerability may fail the build.
    lock = read_lock(root, extras=request.extras, groups=request.groups)
    knowledge = knowledge_of(request, run.policy, progress)
    standings = survey(lock, request.targets, build=request.sources)
    require_usable(project, standings, request)
    require_whole(standings)
    require_safe(knowledge, standings, progress)
    # 1.3 The source files to bundle; warnings about unlisted settings and unused lazy imports.
    state = state_of(root, profile, standings, request.python)
    if request.strict_source:
        require_commit(state, root)
    report_state(state, progress)
    sources = collect_source(root, profile, progress, leave_out=[request.output_dir])
    report(find_unlisted(root, sources, profile.application.environment, packages_of(lock)), progress)
    for line in lazy_names.lines(profile.application.lazy_imports, sources):
        progress.warn(line)
    return Scope(product, profile, lock, knowledge, standings, state, sources, moment.epoch, bases)


def require_unchanged(scope: Scope, run: Run) -> None:
    """Raise BuildError if the project has changed since it was read."""
    now = state_of(run.request.project_root, scope.profile, scope.standings, run.request.python)
    require_same(scope.state, now)
