"""The profile: what a build needs to know about an application beyond its pyproject.toml, read from TOML.

It adds to what the project itself states (builder/project/stated.py), and replaces the keys that it has.

Anything unexpected is rejected with an error that names the file and the path of the key, for example
``ragtrace-profile.toml: launchers[0].kind: not one of script, module, entry``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import is_normalized_name

from builder.project.env_template import environment_of
from builder.project.model_source import ModelSource, parse_model
from builder.project.stated import PROJECT_PROFILE, stated_by, with_help
from builder.project.toml_file import as_usage, fields_with, read_toml
from bundle import names, strict
from bundle.names import PLAIN, plain_form
from bundle.product import commands
from bundle.product.application import (
    PROGRAM,
    Application,
    module_name,
    require_names,
    source_path,
)
from bundle.strict import refuse
from shared.errors import UsageError
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from builder.project.stated import Stated
    from bundle.strict import Fields

PROFILES = Path(__file__).parent.parent / "profiles"
_PLUGIN = re.compile(r"[a-z][a-z0-9_]{0,63}\.py")
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True)
class Profile:
    """What a build needs to know about an application beyond its pyproject.toml.

    ``title`` names the archive and the root folder. ``winners`` maps files that several wheels install to the package
    whose file is installed (settling.py). ``include`` (empty: all) and ``exclude`` select the project's
    files; ``allow_secrets`` lists files that only appear to contain secrets. ``plugins`` lists the files of custom
    checks, ``files`` all files that the profile was read from, ``notes`` warnings for the user of the builder.
    ``no_commands`` is the reason why the application has no command. With ``accelerator_required``, hosts without the
    accelerator that the wheels are built for are refused. ``version`` is that of a product whose pyproject.toml has
    none.
    """

    title: str
    application: Application
    models: tuple[ModelSource, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    allow_secrets: tuple[str, ...] = ()
    plugins: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    no_commands: str | None = None
    version: str | None = None
    accelerator_required: bool = False
    winners: Mapping[str, str] = field(default_factory=dict)

    def with_patterns(self, exclude: Iterable[str], allow_secrets: Iterable[str]) -> Profile:
        """Return the profile with more patterns of files."""
        return replace(self, exclude=(*self.exclude, *exclude), allow_secrets=(*self.allow_secrets, *allow_secrets))


def find_profile(name_or_path: str | None, project_root: Path) -> Path | None:
    """Return the file of a profile, given as a path or as the name of one that ships with the builder.

    Without a name, return the project's own, or None if it has none (then use ``default_profile``).
    Raises UsageError if no profile has the given name.
    """
    if name_or_path is None:
        own = project_root / PROJECT_PROFILE
        return own if own.is_file() else None
    for candidate in (Path(name_or_path), PROFILES / f"{name_or_path}.toml"):
        if candidate.is_file():
            return candidate
    known = ", ".join(sorted(path.stem for path in PROFILES.glob("*.toml")))
    raise UsageError(
        _("Profile {name} not found.").format(name=name_or_path),
        advice=_("Specify a TOML file or one of the builder's profiles: {known}.").format(known=known),
    )


def load_profile(path: Path, project_root: Path, stated: Stated | None = None) -> Profile:
    """Read a profile, which adds to what the project states (default: what its pyproject.toml and folders state).

    Raises UsageError, with the file and the path of the key, if it is invalid.
    """
    value, stated = read_toml(path), stated or stated_by(project_root)
    with as_usage(path):
        fields = fields_with(value, path.name, {**_TOP, **stated.keys})
        title = fields.text("name")
        if not PLAIN.fullmatch(title):
            raise refuse(f"{path.name}.name", plain_form())
        version = fields.optional("version", strict.text)
        source = fields.nested("source", lambda item, where: fields_with(item, where, _SOURCE))
        models = fields.items("models", lambda item, where: parse_model(item, where, path.parent), most=100)
        plugins = tuple(_plugins(fields.nested("plugins", strict.texts), path))
        accelerator_required = fields.nested("accelerator", _accelerator)
        winners = fields.nested("wheels", _winners)
        no_commands = fields.optional_text("no_commands")
        application, renamed = _application(fields, path, project_root, stated)
        profile = Profile(
            title=title,
            application=application,
            models=models,
            include=source.nested("include", strict.texts) or stated.include,
            exclude=source.nested("exclude", strict.texts),
            allow_secrets=source.nested("allow_secrets", strict.texts),
            plugins=plugins,
            files=tuple(_files(value, path, project_root, stated.template)),
            notes=(*renamed, *shadows(application, path.name)),
            no_commands=no_commands,
            version=version,
            accelerator_required=accelerator_required,
            winners=winners,
        )
        source.done()
        _check_models(profile, path.name)
        if no_commands and application.commands:
            raise refuse(f"{path.name}.no_commands", _("the application has commands"))
    return profile


def _application(fields: Fields, path: Path, project_root: Path, stated: Stated) -> tuple[Application, tuple[str, ...]]:
    """Return the application of a profile, and a note for each of the project's launchers that is renamed."""

    def environment_in(value: Any, where: str) -> dict[str, Any]:
        return environment_of(value, where, project_root, stated.template)

    given = fields.items("launchers", lambda item, where: _launcher(item, where, path.parent), most=100)
    without = fields.nested("without_scripts", strict.texts)
    for index, name in enumerate(without):
        if name not in {launcher.name for launcher in stated.launchers}:
            raise refuse(f"{path.name}.without_scripts[{index}]", _("the project has no script of that name"))
    left, renamed = stated.launchers_beside(given, without)
    helpless = fields.nested("without_help", strict.texts)
    rest = {
        "environment": fields.nested("environment", environment_in),
        "lazy_imports": fields.nested("imports", _lazy),
        "dashboard": fields.optional("dashboard", lambda item, where: fields_with(item, where, _DASHBOARD).left),
        "launchers": [*given, *(launcher.to_json() for launcher in left)],
    }
    application = Application.from_json({**fields.left, **rest}, path.name)
    require_names(application, path.name)
    check_application(application, path.name, project_root)
    for index, name in enumerate(helpless):
        if name not in application.commands:
            raise refuse(f"{path.name}.without_help[{index}]", _("{name} is not a launcher").format(name=name[:80]))
    return with_help(application, {*helpless, *stated.without_help(left)}), renamed


_TOP: dict[str, Any] = {
    "version": None,
    "source": {},
    "models": [],
    "environment": {},
    "launchers": [],
    "without_scripts": [],
    "without_help": [],
    "no_commands": None,
    "persist": [],
    "smoke": [],
    "offline_commands": [],
    "plugins": [],
    "dashboard": None,
    "container": None,
    "thresholds": {},
    "migration": None,
    "cpu_level": 1,
    "imports": {},
    "accelerator": {},
    "wheels": {},
}
_IMPORTS: dict[str, Any] = {"lazy": []}
_WHEELS: dict[str, Any] = {"conflicts": {}}
_SOURCE: dict[str, Any] = {"include": [], "exclude": [], "allow_secrets": []}
_LAUNCHER: dict[str, Any] = {"arguments": [], "cwd": "caller"}
_DASHBOARD: dict[str, Any] = {"environment": {}, "path": "/"}


def _files(value: dict[str, Any], path: Path, project_root: Path, template: str | None) -> Iterator[Path]:
    """Yield the files that the builder reads for a valid profile, the profile itself first."""
    yield path
    yield from (path.parent / name for name in value.get("plugins", ()))
    yield from (path.parent / item["target"] for item in value.get("launchers", ()) if item["kind"] == PROGRAM)
    template = value.get("environment", {}).get("template", template)
    yield from [project_root / template] if template else []
    for model in value.get("models", ()):
        embedding = (model.get("probe") or {}).get("embedding_file")
        yield from [path.parent / embedding] if embedding else []


def _launcher(value: Any, path: str, folder: Path) -> dict[str, Any]:
    """Parse a launcher; the text of a program is read from its target, relative to the profile's folder."""
    fields = fields_with(value, path, _LAUNCHER)
    if "program" in fields.left:
        raise refuse(f"{path}.program", _("unknown key"))
    if fields.left.get("kind") != PROGRAM:
        return fields.left
    target = source_path(fields.left.get("target"), f"{path}.target")
    try:
        text = (folder / target).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise refuse(f"{path}.target", _("{file} cannot be read").format(file=folder / target)) from error
    return {**fields.left, "program": text}


def _plugins(listed: Sequence[str], profile: Path) -> Iterator[Path]:
    """Yield the files of custom checks, listed in a profile relative to its folder."""
    seen = set()
    for index, name in enumerate(listed):
        file, where = profile.parent / name, f"{profile.name}.plugins[{index}]"
        if not _PLUGIN.fullmatch(file.name):
            raise refuse(where, _("not a name like my_check.py (lowercase letters, digits and '_')"))
        if not file.is_file():
            raise refuse(where, _("{path} is not a file").format(path=file))
        if file.name in seen:
            raise refuse(where, _("duplicate check name"))
        seen.add(file.name)
        yield file


def _lazy(value: Any, path: str) -> list[str]:
    fields = fields_with(value, path, _IMPORTS)
    lazy = fields.items("lazy", module_name, most=1000)
    fields.done()
    return list(lazy)


def _accelerator(value: Any, path: str) -> bool:
    fields = fields_with(value, path, {"required": False})
    required = fields.nested("required", strict.boolean)
    fields.done()
    return required


def _winners(value: Any, path: str) -> dict[str, str]:
    fields = fields_with(value, path, _WHEELS)
    winners = fields.nested("conflicts", strict.mapping)
    fields.done()
    for place, name in winners.items():
        where = f"{path}.conflicts.{place}"
        trouble = names.problem(place.removesuffix("/"))
        if trouble:
            raise refuse(where, trouble)
        if not is_normalized_name(name):
            raise refuse(where, _("not a normalized name: lower-case letters and digits, with single '-' between them"))
    return winners


def check_application(application: Application, path: str, project_root: Path) -> None:
    """Refuse launchers whose script is not in the project, and core imports that are not module names."""
    for index, launcher in enumerate(application.launchers):
        where = f"{path}.launchers[{index}].target"
        if launcher.kind == "script" and not (project_root / launcher.target).is_file():
            raise refuse(where, _("{target} is not a file in the project").format(target=launcher.target))
    for index, module in enumerate(application.core_imports):
        if not _DOTTED.fullmatch(module):
            raise refuse(f"{path}.core_imports[{index}]", _("not a module name"))


def _check_models(profile: Profile, path: str) -> None:
    if len({model.name.casefold() for model in profile.models}) != len(profile.models):
        raise refuse(f"{path}.models", _("duplicate name"))
    launchers = {launcher.name for launcher in profile.application.launchers}
    for index, model in enumerate(profile.models):
        probes = {"command": model.probe.command, "batch": model.probe.batch} if model.probe else {}
        for key, command in probes.items():
            if command and command[0] not in launchers:
                where = f"{path}.models[{index}].probe.{key}"
                raise refuse(where, _("{name} is not a launcher").format(name=command[0]))


def shadows(application: Application, file: str) -> Iterator[str]:
    """Yield a warning for each command that has the same name as a program on some hosts."""
    for name in application.commands:
        if commands.shadowed(name):
            text = _(
                "{file}: the launcher {name} has the same name as a program on some hosts, and would run "
                "instead of it if PREFIX/bin comes first in PATH."
            )
            yield text.format(file=file, name=name)
