"""``profile``: write a profile for a project, or check one and show what it does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from builder.commands.common import add_exclude, add_project, project_of
from builder.lockfiles.chosen import Named, lockfile_of
from builder.lockfiles.pylock_file import NAME as PYLOCK
from builder.lockfiles.stating import stated_of
from builder.own_command import program
from builder.product.identity import has_table
from builder.project.default_profile import default_profile
from builder.project.profile import find_profile, load_profile
from builder.project.project import is_package
from builder.project.stated import PROJECT_PROFILE, stated_by
from builder.project.unchecked import unchecked
from builder.request.reading import require_commands
from builder.sources.source import collect_source
from builder.starts.written_profile import write_profile
from shared import troubles
from shared.errors import UsageError
from shared.i18n import _
from shared.terminal import commandline
from shared.terminal.console import human_bytes, show
from shared.terminal.progress import make_progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from builder.project.profile import Profile
    from builder.project.stated import Stated
    from builder.sources.source import SourceFile


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of this command."""
    table = parser.add_subparsers(dest="action", metavar=_("ACTION"), required=True)
    init = table.add_parser("init", help=_("write a commented profile from what the project contains"))
    add_project(init)
    init.add_argument(
        "--output", type=Path, metavar=_("FILE"), help=_("the new file (default: ragtrace-profile.toml in the project)")
    )
    init.set_defaults(run=run_init)
    check = table.add_parser("check", help=_("check a profile and the files that it selects, and show what it does"))
    add_project(check)
    check.add_argument(
        "--profile",
        metavar=_("PROFILE"),
        help=_("a profile file, or the name of a profile that comes with the builder"),
    )
    add_exclude(check)
    check.set_defaults(run=run_check)


def run_init(arguments: argparse.Namespace) -> int:
    """Write a profile for a project, to a file that must not exist."""
    root = project_of(arguments)
    path = arguments.output or root / PROJECT_PROFILE
    text = write_profile(root, _stated(arguments, root))
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(
            _("{path} already exists and is not overwritten.").format(path=path),
            advice=_("Specify another file with --output."),
        ) from error
    except OSError as error:
        raise troubles.trouble(error, troubles.WRITING, path=path, kind=UsageError) from error
    show(_("Created {path}.").format(path=path))
    show(_("Edit it, then check it with: {command}").format(command=f"{program()} profile check"))
    return commandline.DONE


def run_check(arguments: argparse.Namespace) -> int:
    """Check a profile and the files that it selects; show what it does."""
    root = project_of(arguments)
    stated = _stated(arguments, root)
    path = find_profile(arguments.profile, root)
    profile = load_profile(path, root, stated) if path else default_profile(root, stated)
    profile = profile.with_patterns(arguments.exclude, arguments.allow_secrets)
    progress = make_progress(quiet=False)
    for note in profile.notes:
        progress.warn(note)
    sources = collect_source(root, profile, progress)
    require_commands(profile, root)
    if is_package(root) and profile.application.import_paths == stated.import_paths:  # its wheel is imported
        profile = replace(profile, application=replace(profile.application, import_paths=()))
    for line in _lines(path, profile, sources):
        show(line)
    for item in unchecked(profile, root):
        for line in item.lines():
            show(line)
    show(_("The profile is valid."))
    return commandline.DONE


def _stated(arguments: argparse.Namespace, root: Path) -> Stated:
    """Return what the project states, which needs no lockfile, or the script, or the folder of another lockfile."""
    named = arguments.lock or arguments.script
    if not named and (has_table(root) or not (root / PYLOCK).is_file()):
        return stated_by(root)
    return stated_of(lockfile_of(root, Named(arguments.lock, arguments.script)))


def _lines(path: Path | None, profile: Profile, sources: Sequence[SourceFile]) -> Iterator[str]:
    application = profile.application
    if path:
        yield _("Profile: {path}").format(path=path)
    else:
        yield _("Profile: none; what the project defines is used")
    yield _("Name: {name}").format(name=profile.title)
    for launcher in application.launchers:
        if launcher.is_command:
            yield _("Command {name}: {kind} {target}").format(
                name=launcher.name, kind=launcher.kind, target=launcher.target
            )
    if profile.no_commands:
        yield _("No command: {reason}").format(reason=profile.no_commands)
    yield _("Import paths: {names}").format(names=", ".join(application.import_paths) or "-")
    yield _("Core imports: {names}").format(names=", ".join(application.core_imports) or "-")
    yield _("Folders of the user's data: {names}").format(names=", ".join(application.persist) or "-")
    yield _("Settings: {names}").format(names=", ".join(application.environment.placeholders) or "-")
    size = sum(item.file.stat().st_size for item in sources)
    yield _("Files: {count}, {size}").format(count=len(sources), size=human_bytes(size))
