"""Write a commented profile for a project, from what the project states and contains.

What the profile leaves in comments holds without it, or is an example.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.own_command import program
from builder.project.project import is_package
from builder.project.stated import PYPROJECT
from builder.project.toml_file import quoted
from builder.starts.recognized import recognized, startable
from builder.starts.start import Start, start_of
from bundle.names import PLAIN
from bundle.product import commands
from bundle.product.application import Dashboard, Launcher
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from builder.project.stated import Stated

TITLE_LIMIT = 64


def write_profile(project_root: Path, stated: Stated) -> str:
    """Return the text of a profile for a project. Raises UsageError if a command cannot have its name."""
    launchers, _notes = stated.launchers_beside(())
    starts = [] if launchers else _starts(project_root, stated)
    names = [launcher.name for launcher in launchers] or [start.launcher.name for start in starts]
    parts = (
        _head(stated, names),
        _application(stated, names, is_package=is_package(project_root)),
        _source(),
        _launchers(stated, names, [start.launcher for start in starts]),
        _environment(stated),
        _dashboard(starts, names),
    )
    return "\n".join(line for part in parts for line in (*part, "")).rstrip() + "\n"


def _starts(project_root: Path, stated: Stated) -> list[Start]:
    """Return a launcher, and its dashboard, for each known way to start an application, else for each script."""
    found: list[Start] = []
    for line in recognized(project_root):
        found.append(start_of(line, project_root, stated.name, [start.launcher for start in found]))
    return found or [Start(Launcher(name, "script", file)) for name, file in _scripts(project_root, stated)]


def _scripts(project_root: Path, stated: Stated) -> list[tuple[str, str]]:
    """Return a launcher's name and the file for each script at the top of the project that can be started."""
    found = startable(project_root)
    one = [(stated.name, file) for file in found]
    several = [(f"{stated.name}-{file.removesuffix('.py').replace('_', '-')}", file) for file in found]
    named = one if len(found) == 1 else several
    return named if commands.trouble([name for name, _file in named]) is None else []


def _comment(text: str) -> Iterator[str]:
    yield f"# {text}"


def _head(stated: Stated, names: Iterable[str]) -> Iterator[str]:
    yield from _comment(_("Profile of {project}: it adds to what the project defines.").format(project=stated.title))
    yield from _comment(
        _(
            "Commented lines show what applies without the profile, or are examples. "
            "Check the profile after each change with:"
        )
    )
    yield f"#   {program()} profile check"
    yield ""
    title = stated.title if PLAIN.fullmatch(stated.title) else stated.name[:TITLE_LIMIT]
    yield f"name = {quoted(title)}"
    if stated.origin != PYPROJECT:
        yield '# version = "1.0"'
    if not names:
        yield ""
        yield from _comment(_("No command was found: add a launcher below, or give the reason why there is none:"))
        yield '# no_commands = "…"'


def _application(stated: Stated, names: list[str], *, is_package: bool) -> Iterator[str]:
    if not is_package:  # the wheel is imported
        yield from _comment(_("source folders to add to the import path"))
        yield f"# import_paths = {_listed(stated.import_paths)}"
    yield from _comment(_("modules that must be importable before a release is activated"))
    yield f"# core_imports = {_listed(stated.core_imports)}"
    yield from _comment(_("source folders that the application writes to; they become user data"))
    yield '# persist = ["data"]'
    yield from _comment(_("commands that must exit with code 0 before a release is activated"))
    yield f"# smoke = [{', '.join(_listed([name, '--help']) for name in names or ['NAME'])}]"
    yield from _comment(_("commands that have no --help, with which validate starts all others"))
    yield f"# without_help = {_listed(names[-1:] or ['NAME'])}"
    if names and stated.launchers:
        yield from _comment(_("project scripts that are not installed as commands on hosts"))
        yield f"# without_scripts = {_listed([stated.launchers[-1].name])}"


def _source() -> Iterator[str]:
    yield "[source]"
    yield from _comment(_("project files and folders tracked by git; without include, all of them"))
    yield "# include = []"
    yield "# exclude = []"
    yield from _comment(_("files that only look like secrets"))
    yield "# allow_secrets = []"


def _launchers(stated: Stated, names: list[str], found: list[Launcher]) -> Iterator[str]:
    if stated.launchers:
        yield from _comment(_("Commands that the project defines; a launcher of the same name replaces one:"))
        yield from (f"#   {name} = {launcher.target}" for name, launcher in zip(names, stated.launchers, strict=True))
    for one in found:
        yield from ("[[launchers]]", f"name = {quoted(one.name)}", f"kind = {quoted(one.kind)}")
        yield f"target = {quoted(one.target)}"
        if one.arguments:
            yield f"arguments = {_listed(one.arguments)}"
        if one.cwd != "caller":
            yield f"cwd = {quoted(one.cwd)}"
    if not found:
        yield "# [[launchers]]"
        yield '# name = "NAME"'
        yield '# kind = "entry"           # script | module | entry | program'
        yield '# target = "package.module:function"'


def _environment(stated: Stated) -> Iterator[str]:
    yield "# [environment]"
    yield f"# template = {quoted(stated.template or '.env.example')}"
    yield '# required = ["API_KEY"]'


def _dashboard(starts: list[Start], names: list[str]) -> Iterator[str]:
    """Yield the first dashboard that was found, in comments if it only responds once data are prepared."""
    found = next((start for start in starts if start.dashboard), None)
    yield from _comment(_("a web page that must respond, without a network"))
    mark = "" if found and not found.unprepared else "# "
    page = found.dashboard if found and found.dashboard else Dashboard((names[0] if names else "NAME", "--port={port}"))
    yield f"{mark}[dashboard]"
    yield f"{mark}command = {_listed(page.command)}"
    if page.path != "/":
        yield f"{mark}path = {quoted(page.path)}"
    for name, value in page.environment.items():
        yield f"{mark}environment.{name} = {quoted(value)}"


def _listed(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, texts))}]"
