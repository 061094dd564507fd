"""How an installed application is started, checked and configured, as its profile declares."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bundle import names, strict
from bundle.product import commands
from bundle.product.accelerator import Accelerator
from bundle.product.environment import OWN_VARIABLES, SET_BY_LAUNCHERS, VARIABLE, Environment
from bundle.strict import Value, by, refuse
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

LAUNCHER_KINDS = ("script", "module", "entry", "program")
PROGRAM = "program"
WORKING_FOLDERS = ("caller", "app", "data")
PROGRAM_LIMIT = 16_000  # characters; Windows limits all arguments of a process to 32,767
# keys of [thresholds]: seconds, 10^9 operations per second, 10^9 or 10^6 bytes (per second), milliseconds
THRESHOLDS = (
    "import_seconds",
    "start_seconds",
    "matrix_gflops",
    "memory_gb_per_second",
    "disk_write_mb_per_second",
    "disk_read_mb_per_second",
    "fsync_milliseconds",
    "model_seconds",
    "embeddings_per_second",
    "model_memory_gb",
)
OWN_FILES = ".ragtrace-"  # prefix of this tool's temporary files; the next command removes any that a crash left
PORT = "{port}"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_PAGE = re.compile(r"/[!-~]{0,200}")
_ATTRIBUTE = re.compile(rf"{_MODULE.pattern}:{_MODULE.pattern}")


def source_path(value: Any, path: str) -> str:
    """Read a path inside the application's source; ``.`` is the source itself."""
    taken = strict.text(value, path)
    trouble = None if taken == "." else names.problem(taken)
    if trouble:
        raise refuse(path, trouble)
    return taken


def module_name(value: Any, path: str) -> str:
    """Read the dotted name of a module or a package."""
    taken = strict.text(value, path)
    if not _MODULE.fullmatch(taken):
        raise refuse(path, _("not a module name"))
    return taken


def _page_form() -> str:
    return _("not a page path: must be /, followed by at most 200 ASCII characters without spaces")


def _attribute_form() -> str:
    return _("not of the form package.module:attribute")


def _command(value: Any, path: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or len(value) > 100:
        raise refuse(path, _("not a command"))
    return tuple(strict.text(part, f"{path}[{index}]", empty=index > 0) for index, part in enumerate(value))


def _program(value: Any, path: str) -> str:
    """Read the source text of a program."""
    if not isinstance(value, str) or len(value) > PROGRAM_LIMIT:
        raise refuse(path, _("not a program of at most {limit} characters").format(limit=PROGRAM_LIMIT))
    for line in value.split("\n"):
        strict.text(line, path, limit=PROGRAM_LIMIT, empty=True)
    return value


@dataclass(frozen=True)
class Launcher(Value):
    """One command in PREFIX/bin, or a program that only checks run.

    ``kind`` determines ``target``: a script of the source (``cli.py``), a module run with -m
    (``streamlit``), an entry point (``package.module:function``), or the name of a ``program`` of the
    profile, whose text is in the manifest and which is not a command. ``arguments`` precede the caller's.
    ``cwd`` is the caller's folder, the application's, or that of the user's data; in the last case, an argument
    that names a file relative to the caller's folder becomes absolute.
    """

    name: str = field(metadata=by(strict.text))
    kind: str = field(metadata=by(strict.choice, choices=LAUNCHER_KINDS))
    target: str = field(metadata=by(strict.text))
    arguments: tuple[str, ...] = field(default=(), metadata=by(strict.texts))
    cwd: str = field(default="caller", metadata=by(strict.choice, choices=WORKING_FOLDERS))
    program: str = field(default="", metadata=by(_program, added=True))

    @property
    def is_command(self) -> bool:
        """Whether it is installed in PREFIX/bin."""
        return self.kind != PROGRAM

    def check(self, path: str) -> None:
        """Refuse an invalid name, and a target that does not fit the kind."""
        if not _NAME.fullmatch(self.name):
            raise refuse(
                f"{path}.name",
                _("not a valid command name: a letter, then letters, digits, '.', '_' and '-', at most 64"),
            )
        trouble = names.problem(self.name)
        if trouble:
            raise refuse(f"{path}.name", trouble)
        module, colon, function = self.target.partition(":")
        fits = {
            "script": names.problem(self.target) is None,
            "module": _MODULE.fullmatch(module) and not colon,
            "entry": _MODULE.fullmatch(module) and _MODULE.fullmatch(function),
            PROGRAM: names.problem(self.target) is None,
        }
        if not fits[self.kind] or self.is_command == bool(self.program):
            raise refuse(f"{path}.target", _("not a valid target for a launcher of kind {kind}").format(kind=self.kind))


@dataclass(frozen=True)
class Dashboard(Value):
    """How to check that a web page of the application responds.

    ``command`` is a launcher and its arguments, ``environment`` the variables that are set for it; ``{port}`` must
    occur in them at least once and is replaced by a free port. ``path`` is requested with GET from 127.0.0.1.
    """

    command: tuple[str, ...] = field(metadata=by(_command))
    environment: dict[str, str] = field(default_factory=dict, metadata=by(strict.mapping))
    path: str = field(default="/", metadata=by(strict.matching, pattern=_PAGE, form=_page_form))

    def check(self, path: str) -> None:
        """Refuse a dashboard that would not receive its port, and invalid variable names."""
        if not any(PORT in text for text in (*self.command[1:], *self.environment.values())):
            raise refuse(path, _("{port} is neither in command nor in environment").format(port=PORT))
        for name in self.environment:
            if not VARIABLE.fullmatch(name):
                raise refuse(f"{path}.environment", _("{name!r} is not a valid variable name").format(name=name[:80]))


@dataclass(frozen=True)
class Container(Value):
    """The dependency container of an application: ``object`` is ``package.module:attribute``.

    ``command`` is a launcher or a program, with its arguments, that makes the container build the application's
    objects.
    """

    object: str = field(metadata=by(strict.matching, pattern=_ATTRIBUTE, form=_attribute_form))
    command: tuple[str, ...] = field(default=(), metadata=by(_command, added=True))


@dataclass(frozen=True)
class ModelApart(Value):
    """A model that the application needs and that is transferred separately, to PREFIX/models/NAME.

    ``source`` is where to get it: ``hf:ORG/NAME@REVISION``, or ``path:FOLDER`` on the builder's machine.
    """

    name: str = field(metadata=by(strict.matching, pattern=names.PLAIN, form=names.plain_form))
    source: str = field(metadata=by(strict.text))


@dataclass(frozen=True)
class Migration(Value):
    """How the user's data is converted to the layout that a release reads.

    ``layout`` is a number that grows with each change of the layout; ``command``, a launcher and its arguments,
    converts data of any previous layout.
    """

    layout: int = field(metadata=by(strict.integer, least=1))
    command: tuple[str, ...] = field(metadata=by(_command))


def _thresholds(value: Any, path: str) -> dict[str, float]:
    if not isinstance(value, dict):
        raise refuse(path, _("not an object"))
    found = {}
    for name, item in value.items():
        where = f"{path}.{name[:80]}"
        found[strict.choice(name, where, choices=THRESHOLDS)] = strict.number(item, where)
        if found[name] < 0:
            raise refuse(where, _("less than 0"))
    return found


@dataclass(frozen=True)
class Application(Value):
    """What a profile declares about an application, apart from its files.

    ``import_paths`` lists folders of the source that are added to the import path, ``persist`` folders of the source
    that belong to the user. ``smoke`` lists commands (a launcher's name, then its arguments) that must exit with code
    0, with placeholder settings, before a release is activated; ``offline_commands`` lists additional commands that
    only validate runs, without a network. ``thresholds`` overrides those of validate. ``cpu_level`` is the x86-64 level
    (psABI) that the wheels need. ``lazy_imports`` lists modules and packages that the application's own modules import
    at first use. ``accelerator`` is what the wheels are built for, as far as the builder recognizes it.
    """

    launchers: tuple[Launcher, ...] = field(metadata=by(strict.items, of=Launcher.from_json, most=100))
    environment: Environment = field(default=Environment(), metadata=by(Environment.from_json))
    core_imports: tuple[str, ...] = field(default=(), metadata=by(strict.texts))
    import_paths: tuple[str, ...] = field(default=(".",), metadata=by(strict.items, of=source_path, most=100))
    persist: tuple[str, ...] = field(default=(), metadata=by(strict.items, of=source_path, most=100))
    smoke: tuple[tuple[str, ...], ...] = field(default=(), metadata=by(strict.items, of=_command, most=100))
    dashboard: Dashboard | None = field(default=None, metadata=by(strict.optional, of=Dashboard.from_json))
    thresholds: dict[str, float] = field(default_factory=dict, metadata=by(_thresholds))
    migration: Migration | None = field(default=None, metadata=by(strict.optional, of=Migration.from_json))
    cpu_level: int = field(default=1, metadata=by(strict.integer, least=1, most=4))
    lazy_imports: tuple[str, ...] = field(default=(), metadata=by(strict.items, of=module_name, most=1000, added=True))
    offline_commands: tuple[tuple[str, ...], ...] = field(
        default=(), metadata=by(strict.items, of=_command, most=100, added=True)
    )
    container: Container | None = field(default=None, metadata=by(strict.optional, of=Container.from_json, added=True))
    accelerator: Accelerator | None = field(
        default=None, metadata=by(strict.optional, of=Accelerator.from_json, added=True)
    )
    models_apart: tuple[ModelApart, ...] = field(
        default=(), metadata=by(strict.items, of=ModelApart.from_json, most=100, added=True)
    )

    @property
    def commands(self) -> tuple[str, ...]:
        """The names of the application's commands in PREFIX/bin."""
        return tuple(launcher.name for launcher in self.launchers if launcher.is_command)

    @property
    def data_layout(self) -> int:
        """The number of the data layout that a release reads, or 0 if the profile declares none."""
        return self.migration.layout if self.migration else 0

    def _named_commands(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the key of each part that has a command, and the command."""
        if self.dashboard:
            yield "dashboard", self.dashboard.command
        if self.migration:
            yield "migration", self.migration.command
        if self.container and self.container.command:
            yield "container", self.container.command

    def check(self, path: str) -> None:
        """Refuse duplicate launchers, commands that name no launcher, and nested or colliding data folders."""
        known = {launcher.name for launcher in self.launchers}
        if len(known) != len(self.launchers):
            raise refuse(f"{path}.launchers", _("duplicate name"))
        for key, tried in (("smoke", self.smoke), ("offline_commands", self.offline_commands)):
            for index, command in enumerate(tried):
                if command[0] not in known:
                    raise refuse(f"{path}.{key}[{index}]", _("{name} is not a launcher").format(name=command[0][:80]))
        for key, command in self._named_commands():
            if command[0] not in known:
                raise refuse(f"{path}.{key}.command", _("{name} is not a launcher").format(name=command[0][:80]))
        for folder in self.persist:
            if folder == "." or any(folder.startswith(f"{other}/") for other in self.persist):
                raise refuse(
                    f"{path}.persist", _("{folder} is the whole source, or inside another entry").format(folder=folder)
                )
        if names.collision(self.persist):
            raise refuse(f"{path}.persist", _("duplicate folder"))


def require_names(application: Application, path: str) -> None:
    """Refuse names of commands, settings and data folders that this tool or a host already uses for something else.

    Only profiles and new bundles are checked; installed releases were accepted by the rules of their time.
    """
    trouble = commands.trouble([launcher.name for launcher in application.launchers])
    if trouble:
        raise refuse(f"{path}.launchers[{trouble[0]}].name", trouble[1])
    environment = application.environment
    all_ours = (*OWN_VARIABLES, *SET_BY_LAUNCHERS)
    for key, settings, ours in (
        ("template", environment.template, OWN_VARIABLES),
        ("values", environment.values, all_ours),
        ("also", environment.also, all_ours),
        ("defaults", environment.defaults, all_ours),
    ):
        for name in settings:
            if name.upper() in ours:
                raise refuse(f"{path}.environment.{key}.{name}", _("a variable that the launchers set themselves"))
    for index, folder in enumerate(application.persist):
        if any(part.startswith(OWN_FILES) for part in folder.split("/")):
            raise refuse(
                f"{path}.persist[{index}]",
                _("names that begin with {name} are reserved for the installer").format(name=OWN_FILES),
            )
