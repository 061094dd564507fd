"""How an installed application is started, checked and configured, as the profile says it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from bootstrap.bundle import names
from bootstrap.bundle.strict import Fields, refuse
from bootstrap.i18n import _

LAUNCHER_KINDS = ("script", "module", "entry")
WORKING_FOLDERS = ("caller", "app")
PLACES = ("app", "data", "models", "prefix", "venv")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Launcher:
    """One command in PREFIX/bin.

    ``kind`` says what ``target`` is: a script of the source (``cli.py``), a module run with -m
    (``streamlit``) or an entry point (``package.module:function``). ``arguments`` come before
    the caller's. ``cwd`` is the caller's folder or the application's.
    """

    name: str
    kind: str
    target: str
    arguments: tuple[str, ...] = ()
    cwd: str = "caller"

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "target": self.target,
            "arguments": list(self.arguments),
            "cwd": self.cwd,
        }


@dataclass(frozen=True)
class Environment:
    """The settings of an application.

    ``template`` maps each name of the env template to its placeholder; only these names are
    loaded from PREFIX/.env. ``required`` are those without which the application does not start.
    ``values`` are set by every launcher; ``{app} {data} {models} {prefix} {venv}`` in them are
    replaced by the installed folders.
    """

    template: dict[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"template": self.template, "required": list(self.required), "values": self.values}


@dataclass(frozen=True)
class Application:
    """What a profile tells of an application beyond its files.

    ``import_paths`` are folders of the source put on the import path. ``persist`` are folders of
    the source that belong to the user. ``smoke`` are commands (a launcher's name, then its
    arguments) that must exit 0 with placeholder settings.
    """

    launchers: tuple[Launcher, ...]
    environment: Environment = Environment()
    core_imports: tuple[str, ...] = ()
    import_paths: tuple[str, ...] = (".",)
    persist: tuple[str, ...] = ()
    smoke: tuple[tuple[str, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "launchers": [launcher.to_json() for launcher in self.launchers],
            "environment": self.environment.to_json(),
            "core_imports": list(self.core_imports),
            "import_paths": list(self.import_paths),
            "persist": list(self.persist),
            "smoke": [list(command) for command in self.smoke],
        }


def _launcher(value: Any, path: str) -> Launcher:
    fields = Fields(value, path)
    launcher = Launcher(
        name=fields.text("name"),
        kind=fields.choice("kind", LAUNCHER_KINDS),
        target=fields.text("target"),
        arguments=fields.texts("arguments"),
        cwd=fields.choice("cwd", WORKING_FOLDERS),
    )
    fields.done()
    if not _NAME.fullmatch(launcher.name) or names.problem(launcher.name):
        raise refuse(f"{path}.name", _("not a name for a command"))
    if not _is_target(launcher.kind, launcher.target):
        raise refuse(f"{path}.target", _("not what a launcher of kind {kind} starts").format(kind=launcher.kind))
    return launcher


def _is_target(kind: str, target: str) -> bool:
    if kind == "script":
        return names.problem(target) is None
    module, colon, function = target.partition(":")
    return bool(_MODULE.fullmatch(module)) and (bool(_MODULE.fullmatch(function)) if kind == "entry" else not colon)


def _environment(value: Any, path: str) -> Environment:
    fields = Fields(value, path)
    result = Environment(fields.mapping("template"), fields.texts("required"), fields.mapping("values"))
    fields.done()
    for name in (*result.template, *result.required, *result.values):
        if not _VARIABLE.fullmatch(name):
            raise refuse(path, _("{name!r} is not a name for a variable").format(name=name[:80]))
    for name in result.required:
        if name not in result.template:
            raise refuse(f"{path}.required", _("{name} is not in the template").format(name=name))
    for name, text in result.values.items():
        for place in _PLACE.findall(text):
            if place not in PLACES:
                raise refuse(f"{path}.values.{name}", _("{{{place}}} is not a place").format(place=place[:80]))
    return result


def source_path(value: Any, path: str) -> str:
    """Take a path inside the application's source; ``.`` is the source itself."""
    text = Fields.check_text(value, path)
    trouble = None if text == "." else names.problem(text)
    if trouble:
        raise refuse(path, trouble)
    return text


def _command(value: Any, path: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or len(value) > 100:
        raise refuse(path, _("not a command"))
    return tuple(Fields.check_text(part, f"{path}[{index}]", empty=index > 0) for index, part in enumerate(value))


def application_from_json(value: Any, path: str) -> Application:
    """Read the application's part of a manifest or, after the profile, of a build."""
    fields = Fields(value, path)
    result = Application(
        launchers=fields.items("launchers", _launcher, most=100),
        environment=fields.nested("environment", _environment),
        core_imports=fields.texts("core_imports"),
        import_paths=fields.items("import_paths", source_path, most=100),
        persist=fields.items("persist", source_path, most=100),
        smoke=fields.items("smoke", _command, most=100),
    )
    fields.done()
    known = {launcher.name for launcher in result.launchers}
    if len({name.casefold() for name in known}) != len(result.launchers):
        raise refuse(f"{path}.launchers", _("two have the same name"))
    for index, command in enumerate(result.smoke):
        if command[0] not in known:
            raise refuse(f"{path}.smoke[{index}]", _("{name} is not a launcher").format(name=command[0][:80]))
    for folder in result.persist:
        if folder == "." or any(other != folder and folder.startswith(f"{other}/") for other in result.persist):
            raise refuse(f"{path}.persist", _("{folder} holds, or lies in, another part").format(folder=folder))
    if names.collision(result.persist):
        raise refuse(f"{path}.persist", _("a folder stands twice"))
    return result
