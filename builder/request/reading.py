"""Read the inputs that a request names (project, profile, lockfile, source) and reject what cannot be built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from builder.lock.lock import own_source, read_lock
from builder.lock.targets import require_whole, survey
from builder.lockfiles.stating import stated_of
from builder.lockfiles.workspace import with_commands
from builder.own_command import program
from builder.product.identity import has_table, product_of
from builder.project.chosen_models import with_models, without_models
from builder.project.default_profile import default_profile
from builder.project.profile import find_profile, load_profile
from builder.project.project import may_have_commands
from builder.request.accelerators import require_accelerators
from builder.request.delta import bases_of
from builder.request.moment import moment_of
from builder.request.run import Scope
from builder.request.state import report_state, require_commit, require_same, state_of
from builder.request.verification import knowledge_of, require_safe
from builder.settings import lazy_names
from builder.settings.scan import find_unlisted, packages_of, report
from builder.sources.source import collect_source
from builder.starts.recognized import proposed
from builder.starts.start import with_runs
from builder.wheels.given import require_wanted
from bundle.manifest import Product
from shared.errors import BuildError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from builder.lock.lock import Lock
    from builder.lock.targets import Standing
    from builder.project.own_wheel import OwnWheel
    from builder.project.profile import Profile
    from builder.project.project import Project
    from builder.project.stated import Stated
    from builder.request.request import Request
    from builder.request.run import Run
    from builder.sources.source import SourceFile
    from shared.terminal.progress import Progress


def read_profile(
    request: Request, progress: Progress, wheel: OwnWheel | None = None, members: Sequence[Path] = ()
) -> Profile:
    """Return the profile that the request names, else the project's own, else one derived from the project's contents.

    What the project states is that of its own ``wheel``, if that is built; the scripts of ``members`` are added.
    """
    path, root = find_profile(request.profile, request.project_root), request.project_root
    stated = stated_of(request.lockfile, request.said.name, wheel, members)
    profile = load_profile(path, root, stated) if path else default_profile(root, stated)
    for note in (*profile.notes, *_lacking_extras(stated, request)) if wheel is None and not members else ():
        progress.warn(note)
    profile = profile.with_patterns(request.exclude, request.allow_secrets)
    profile = with_runs(profile, request.run, root, stated.name)
    return without_models(with_models(profile, request.models), request.without_models)


def with_members(
    profile: Profile, standings: Sequence[Standing], request: Request, progress: Progress, wheel: OwnWheel | None = None
) -> Profile:
    """Return the profile with the commands of the folders that the project requires, if it has none of its own.

    The root of a workspace often has no code: what it requires are its members, whose scripts uv installs.
    """
    if profile.application.commands or profile.no_commands:
        return profile
    selections = [standing.selection for standing in standings if standing.selection]
    places = {source.place for selection in selections for source in selection.sources if source.kind == "folder"}
    members = sorted(map(Path, places - {str(request.project_root.resolve())}))
    members = [folder for folder in members if has_table(folder)]
    return read_profile(request, progress, wheel, members) if members else profile


def _lacking_extras(stated: Stated, request: Request) -> Iterator[str]:
    """Yield a warning for each script that needs extras of the project which are not included."""
    chosen = {canonicalize_name(name) for name in request.parts.extras}
    for name, extras in stated.extras.items() if not request.parts.all_extras else ():
        lacking = sorted(extras - chosen)
        if lacking:
            yield _("The command {name} needs extras that are not included: add {options}.").format(
                name=name, options=" ".join(f"--extra {extra}" for extra in lacking)
            )


def require_commands(profile: Profile, root: Path) -> None:
    """Raise BuildError if the application has no command, and the profile gives no reason for that."""
    if profile.application.commands or profile.no_commands:
        return
    what = _("The bundle would have no command: the project has no scripts, and no profile adds a launcher.")
    found = [f'--run "{line}"' for line in proposed(root)]
    if found:
        raise BuildError(
            what,
            advice=_(
                "Build with {options}, which is how the project seems to be started; or write a profile with "
                "`{program} profile init`."
            ).format(options=" ".join(found), program=program()),
        )
    others = with_commands(root)
    if others:
        raise BuildError(
            what,
            advice=_("Specify a package of the workspace that has commands with --package: {names}.").format(
                names=", ".join(others)
            ),
        )
    raise BuildError(
        what,
        advice=_(
            'Build with --run "COMMAND", the command that starts the application in its folder; or write a profile '
            "with `{program} profile init`, and add a [[launchers]] table with name, kind and target to it, or "
            'no_commands = "the reason why there are none".'
        ).format(program=program()),
    )


def foresee_commands(profile: Profile, standings: Sequence[Standing], root: Path) -> None:
    """Raise BuildError as ``require_commands`` does, unless the project's own wheel may have commands."""
    selections = [standing.selection for standing in standings if standing.selection]
    if not any(own_source(selection, root) for selection in selections) or not may_have_commands(root):
        require_commands(profile, root)


def sources_of(request: Request, profile: Profile, progress: Progress) -> tuple[SourceFile, ...]:
    """Return the files of the application to bundle. Raises BuildError, with everything that must be fixed."""
    windows = any(target.platform == "windows" for target in request.targets)
    leave_out = [request.output_dir]
    return collect_source(request.project_root, profile, progress, leave_out=leave_out, windows=windows)


def require_usable(project: Project, standings: Sequence[Standing], request: Request) -> None:
    """Raise UsageError for a wheel that no build would use, and for a dynamic version without a build to compute it."""
    root = request.project_root
    selections = [standing.selection for standing in standings if standing.selection]
    if len(selections) == len(standings):
        require_wanted(request.wheels, [source for selection in selections for source in selection.sources])
    if not project.version and selections and not any(own_source(selection, root) for selection in selections):
        raise UsageError(
            _("{file} has a dynamic version, but uv does not install the project as a package.").format(
                file=root / "pyproject.toml"
            ),
            advice=_("Add its [build-system], or set project.version to the version of the bundle."),
        )


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
    require_usable(project, standings, request)
    profile = with_members(profile, standings, request, progress)
    foresee_commands(profile, standings, root)
    require_whole(standings)
    require_accelerators(profile, standings)
    require_safe(knowledge, standings, progress, python=request.python)
    # 1.3 The source files to bundle; warnings about unlisted settings and unused lazy imports.
    sources = sources_of(request, profile, progress)
    state = state_of(request, profile, standings, sources)
    if request.strict_source:
        require_commit(state, root)
    report_state(state, progress)
    report(find_unlisted(root, sources, profile.application.environment, packages_of(lock)), progress)
    for line in lazy_names.lines(profile.application.lazy_imports, sources):
        progress.warn(line)
    return Scope(product, profile, lock, knowledge, standings, state, sources, moment.epoch, bases)


def require_unchanged(scope: Scope, run: Run) -> None:
    """Raise BuildError if the project has changed since it was read."""
    now = state_of(run.request, scope.profile, scope.standings, scope.sources)
    require_same(scope.state, now)
