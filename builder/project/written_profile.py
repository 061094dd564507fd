"""Write a commented profile for a project, from what the project states and contains.

What the profile leaves in comments holds without it, or is an example.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from builder.own_command import program
from builder.project.stated import PYPROJECT
from builder.project.toml_file import quoted
from bundle.names import PLAIN
from bundle.product import commands
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from builder.project.stated import Stated

STARTS = re.compile(r"""^if __name__ == ["']__main__["']""", re.MULTILINE)
TITLE_LIMIT = 64


def write_profile(project_root: Path, stated: Stated) -> str:
    """Return the text of a profile for a project. Raises UsageError if a command cannot have its name."""
    launchers, _notes = stated.launchers_beside(())
    scripts = [] if launchers else _scripts(project_root, stated)
    names = [launcher.name for launcher in launchers] or [name for name, _file in scripts]
    parts = (
        _head(stated, names),
        _application(stated, names),
        _source(),
        _launchers(stated, names, scripts),
        _environment(stated, names),
    )
    return "\n".join(line for part in parts for line in (*part, "")).rstrip() + "\n"


def _scripts(project_root: Path, stated: Stated) -> list[tuple[str, str]]:
    """Return a launcher's name and the file for each script at the top of the project that can be started."""
    found = [
        path.name
        for path in sorted(project_root.glob("*.py"))
        if path.is_file() and STARTS.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    one = [(stated.name, file) for file in found]
    several = [(f"{stated.name}-{file.removesuffix('.py').replace('_', '-')}", file) for file in found]
    named = one if len(found) == 1 else several
    return named if commands.trouble([name for name, _file in named]) is None else []


def _comment(text: str) -> Iterator[str]:
    yield f"# {text}"


def _head(stated: Stated, names: Iterable[str]) -> Iterator[str]:
    yield from _comment(_("Profile of {project}: it adds to what the project states.").format(project=stated.title))
    yield from _comment(_("Lines in comments hold without it, or are examples. Check it after each change with:"))
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


def _application(stated: Stated, names: list[str]) -> Iterator[str]:
    yield from _comment(_("folders of the source that are put on the import path"))
    yield f"# import_paths = {_listed(stated.import_paths)}"
    yield from _comment(_("modules that must import before a release is accepted"))
    yield f"# core_imports = {_listed(stated.core_imports)}"
    yield from _comment(_("folders of the source that the application writes to: they become the user's data"))
    yield '# persist = ["data"]'
    yield from _comment(_("commands that must end with 0 before a release is accepted"))
    yield f"# smoke = [{', '.join(_listed([name, '--help']) for name in names or ['NAME'])}]"
    if names and stated.launchers:
        yield from _comment(_("scripts of the project that are no commands on hosts"))
        yield f"# without_scripts = {_listed([stated.launchers[-1].name])}"


def _source() -> Iterator[str]:
    yield "[source]"
    yield from _comment(_("files and folders of the project, as git tracks them; without include all of them"))
    yield "# include = []"
    yield "# exclude = []"
    yield from _comment(_("files that only look like secrets"))
    yield "# allow_secrets = []"


def _launchers(stated: Stated, names: list[str], scripts: list[tuple[str, str]]) -> Iterator[str]:
    if stated.launchers:
        yield from _comment(_("Commands that the project states; a launcher of the same name replaces one:"))
        yield from (f"#   {name} = {launcher.target}" for name, launcher in zip(names, stated.launchers, strict=True))
    for name, file in scripts:
        yield from ("[[launchers]]", f"name = {quoted(name)}", 'kind = "script"', f"target = {quoted(file)}")
    if not scripts:
        yield "# [[launchers]]"
        yield '# name = "NAME"'
        yield '# kind = "entry"           # script | module | entry | program'
        yield '# target = "package.module:function"'


def _environment(stated: Stated, names: list[str]) -> Iterator[str]:
    yield "# [environment]"
    yield f"# template = {quoted(stated.template or '.env.example')}"
    yield '# required = ["API_KEY"]'
    yield "# [dashboard]"
    yield f"# command = {_listed([names[0] if names else 'NAME', '--port={port}'])}"


def _listed(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, texts))}]"
