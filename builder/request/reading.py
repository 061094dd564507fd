"""Read the inputs that a request names (project, profile, lockfile, source) and reject what cannot be built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from builder.lock.lock import read_lock
from builder.lock.targets import require_whole, survey
from builder.lockfiles.uv_lock import UvLock
from builder.product.bare_profile import folder_profile, script_profile
from builder.product.identity import has_table, product_of
from builder.project.chosen_models import with_models, without_models
from builder.project.default_profile import default_profile
from builder.project.profile import find_profile, load_profile
from builder.project.source import collect_source
from builder.request.accelerators import require_accelerators
from builder.request.delta import bases_of
from builder.request.moment import moment_of
from builder.request.run import Scope
from builder.request.state import report_state, require_commit, require_same, state_of
from builder.request.verification import knowledge_of, require_safe
from builder.settings import lazy_names
from builder.settings.scan import find_unlisted, packages_of, report
from bundle.manifest import Product
from shared.i18n import _

if TYPE_CHECKING:
    from builder.lock.lock import Lock
    from builder.project.profile import Profile
    from builder.request.request import Request
    from builder.request.run import Run
    from shared.terminal.progress import Progress


def read_profile(request: Request, progress: Progress) -> Profile:
    """Return the profile that the request names, else the project's own, else one derived from what there is."""
    path = find_profile(request.profile, request.project_root)
    profile = load_profile(path, request.project_root) if path else _derived(request)
    for note in profile.notes:
        progress.warn(note)
    return without_models(with_models(profile, request.models), request.without_models)


def _derived(request: Request) -> Profile:
    """Return the profile of a script, of a project or, without a project table, of its folder."""
    root, script = request.project_root, request.lockfile.options().get("script")
    if isinstance(script, str):
        return script_profile(root, Path(script), request.said.name)
    # without a lockfile of its own, the folder has to be a project
    named = request.lock is not None and not isinstance(request.lock, UvLock)
    if named and not has_table(root):
        return folder_profile(root, request.said.name)
    return default_profile(root, request.lockfile.others)


def read_packages(request: Request, progress: Progress) -> Lock:
    """Return the packages that the request's lockfile locks, with a warning if it is not compared (--frozen)."""
    lockfile = request.lockfile
    if "frozen" in lockfile.options():
        progress.warn(
            _("{lock} is used as it is, though {file} may have changed since it was written (--frozen).").format(
                lock=lockfile.path.name, file=lockfile.read_with[0].name
            )
        )
    return read_lock(lockfile, request.parts)


def read_scope(run: Run) -> Scope:
    """Return the scope of a build, without fetching anything. Raises UsageError or BuildError if it cannot be built."""
    request, progress, root = run.request, run.progress, run.request.project_root
    # 1.1 The product, the time and counter, the delta bases and the profile.
    progress.step(_("Reading {project}").format(project=root))
    profile = read_profile(request, progress)
    project = product_of(root, request.said, profile)
    moment = moment_of(request)
    bases = bases_of(request, project.name, moment)
    product = Product(project.name, profile.title, project.version, moment.counter)
    # 1.2 The wheels: each target must have all of them, and no known vulnerability may fail the build.
    lock = read_packages(request, progress)
    knowledge = knowledge_of(request, run.policy, progress)
    standings = survey(lock, request.targets, build=request.sources)
    require_whole(standings)
    require_accelerators(profile, standings)
    require_safe(knowledge, standings, progress)
    # 1.3 The source files to bundle; warnings about unlisted settings and unused lazy imports.
    state = state_of(request, profile, standings)
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
    now = state_of(run.request, scope.profile, scope.standings)
    require_same(scope.state, now)
