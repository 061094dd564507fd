"""A launcher, and a check of its page, for a command line that starts an application in the project's folder."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from builder.project.profile import check_application
from builder.project.stated import with_help
from builder.starts import recognized
from bundle.product import commands
from bundle.product.application import PORT, Dashboard, Launcher, require_names, source_path
from shared.errors import TrustError, UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from builder.project.profile import Profile

PYTHONS = re.compile(r"py|python[0-9.]*(\.exe)?")
WORD = re.compile(r"[^\W\d][\w-]*")
APP = "app"  # the folder that authors start their applications in
WHERE = "--run"


@dataclass(frozen=True)
class Start:
    """A launcher, and the dashboard to check if it serves pages; ``unprepared`` is whether that needs data first."""

    launcher: Launcher
    dashboard: Dashboard | None = None
    unprepared: bool = False


def with_runs(profile: Profile, lines: Sequence[str], project_root: Path, name: str) -> Profile:
    """Return the profile with a launcher for each command line, and with the first dashboard if it has none.

    Raises UsageError for a line that no launcher can be made of.
    """
    for line in lines:
        profile = _with_run(profile, line, project_root, name)
    return profile


def _with_run(profile: Profile, line: str, project_root: Path, name: str) -> Profile:
    application = profile.application
    try:
        start = start_of(line, project_root, name, application.launchers)
        dashboard = application.dashboard or (None if start.unprepared else start.dashboard)
        more = replace(application, launchers=(*application.launchers, start.launcher), dashboard=dashboard)
        more = with_help(more, application.commands)
        more.check(WHERE)
        require_names(more, WHERE)
        check_application(more, WHERE, project_root)
    except TrustError as error:
        raise UsageError(
            f"{error.what}.", advice=_("Specify another command, or add a [[launchers]] table to a profile.")
        ) from error
    return replace(profile, application=more, no_commands=None)


def start_of(line: str, project_root: Path, name: str, others: Iterable[Launcher] = ()) -> Start:
    """Return the launcher for a command line, named like the project where that is free, and its dashboard.

    The program is a script of the project, one of the ``others``, or a package that runs with -m. Raises UsageError.
    """
    try:
        words = shlex.split(line)
    except ValueError:
        words = []
    words = words[2:] if words[:2] == ["uv", "run"] else words
    known = {launcher.name: launcher for launcher in others}
    launcher = _launcher(words, known) if words else None
    if launcher is None:
        raise UsageError(
            _("{line!r} is not a command that a launcher can run.").format(line=line[:200]),
            advice=_(
                "Specify python FILE, python -m MODULE, or a program of a package that also runs with -m, for "
                "example: {example}"
            ).format(example='--run "streamlit run app.py"'),
        )
    _require_file(launcher, project_root)
    launcher = replace(launcher, name=_free_name(name, words[0], known))
    launcher.check(WHERE)
    return Start(launcher, _dashboard(launcher, project_root), _is_django(launcher, project_root))


def _launcher(words: list[str], known: dict[str, Launcher]) -> Launcher | None:
    """Return the launcher of a command line, which has no name of its own yet, or None if there can be none."""
    program, rest = words[0], words[1:]
    if PYTHONS.fullmatch(program):
        is_module, rest = rest[:1] == ["-m"], rest[1:] if rest[:1] == ["-m"] else rest
        if not rest or rest[0].startswith("-"):
            return None
        return Launcher("x", "module" if is_module else "script", rest[0].removeprefix("./"), tuple(rest[1:]), APP)
    if program in known:
        one = known[program]
        return replace(one, arguments=(*one.arguments, *rest))
    if program.endswith(".py"):
        return Launcher("x", "script", program.removeprefix("./"), tuple(rest), APP)
    return Launcher("x", "module", program.replace("-", "_"), tuple(rest), APP) if WORD.fullmatch(program) else None


def _require_file(launcher: Launcher, project_root: Path) -> None:
    """Raise UsageError if `streamlit run` or `fastapi run` names a file that the project does not have."""
    file = _file_of(launcher)
    if file is not None and not (project_root / source_path(file, WHERE)).is_file():
        raise UsageError(
            _("{file} is not a file in {project}.").format(file=file, project=project_root),
            advice=_("Specify it relative to the project, for example: {example}").format(
                example='--run "streamlit run app.py"'
            ),
        )


def _file_of(launcher: Launcher) -> str | None:
    """Return the file that a launcher of a web framework runs."""
    if launcher.kind == "script":
        return launcher.target
    runs = launcher.target in ("streamlit", "fastapi") and launcher.arguments[:1] == ("run",)
    return next((word for word in launcher.arguments[1:] if word.endswith(".py")), None) if runs else None


def _free_name(name: str, program: str, known: dict[str, Launcher]) -> str:
    """Return the project's name, with the program's if hosts or other launchers have that name."""
    taken = {commands.typed(other) for other in known}
    word = re.sub(r"[^A-Za-z0-9]+", "-", re.sub(r".*[/\\]|\.py$", "", program)).strip("-")
    for tried in (name, f"{name}-{word}"):
        if commands.taken(tried) is None and commands.typed(tried) not in taken:
            return tried
    raise UsageError(
        _("No command name is free for {name}.").format(name=name),
        advice=_("Add a [[launchers]] table with another name to the profile."),
    )


def _is_django(launcher: Launcher, project_root: Path) -> bool:
    return launcher.kind == "script" and bool(
        recognized.MANAGE.search(recognized.text_of(project_root / launcher.target))
    )


def _dashboard(launcher: Launcher, project_root: Path) -> Dashboard | None:
    """Return how to check the page of an application that a known framework serves."""
    name, file = launcher.name, _file_of(launcher)
    if launcher.target == "streamlit" and file:
        options = (f"--server.port={PORT}", "--server.address=127.0.0.1", "--server.headless=true")
        return Dashboard((name, *options))
    if launcher.target in ("uvicorn", "fastapi"):
        return _of_fastapi(launcher, project_root, file)
    if launcher.kind != "script":
        return None
    text = recognized.text_of(project_root / launcher.target)
    if recognized.MANAGE.search(text):
        return Dashboard((name, "runserver", "--noreload", f"127.0.0.1:{PORT}"))
    if recognized.GRADIO.search(text) and recognized.LAUNCH.search(text) and "server_port" not in text:
        return Dashboard((name,), {"GRADIO_SERVER_PORT": PORT})
    return None


def _of_fastapi(launcher: Launcher, project_root: Path, file: str | None) -> Dashboard | None:
    """Return the check of the page with the documentation, unless the application leaves that out."""
    module = next((word for word in launcher.arguments if ":" in word), "").partition(":")[0].replace(".", "/")
    paths = [file] if file else [f"{top}{module}{end}" for top in ("", "src/") for end in (".py", "/__init__.py")]
    text = "".join(recognized.text_of(project_root / path) for path in paths if path)
    if not recognized.FASTAPI.search(text) or re.search(r"\b(docs_url|openapi_url|root_path)\b", text):
        return None
    return Dashboard((launcher.name, "--host=127.0.0.1", f"--port={PORT}"), path="/docs")
