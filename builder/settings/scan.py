"""Settings that an application reads, or its guides name, and PREFIX/.env could not set.

1. the Python code that travels, read as syntax (code.py)
2. guides: NAME=value in texts, examples of env files, recipes of containers
3. left out: what the profile or the template has, what belongs to the system, what only tests read

It is a note to whoever builds, never a reason to stop: no profile is wrong for what it leaves out.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from builder.project.source import list_files, matches
from builder.settings import wrappers as settings_wrappers
from builder.settings.classes import classes_of, fields_of
from builder.settings.code import Module, Read, reads
from bundle.product.environment import OWN_VARIABLES, SET_BY_LAUNCHERS
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from builder.lock.lock import Lock
    from builder.project.source import SourceFile
    from bundle.product.environment import Environment
    from shared.terminal.progress import Progress

SIZE_LIMIT = 1 << 20  # bytes of a file that is inspected; longer ones are data
CODE, DEPENDENCY, UNKNOWN = "code", "dependency", "unknown"  # who reads a setting
NAMES_SHOWN = 10  # of those that only guides name
TESTS = ("tests/*", "test/*", "*/tests/*", "*/test/*", "test_*.py", "*/test_*.py", "*_test.py", "*conftest.py")
TOOLS = ("setup.py", "noxfile.py", "*/setup.py")
GUIDES = ("*.md", "*.rst")
EXAMPLES = (".env.*", "*/.env.*", "*env.example", "*env.sample", "*env.template")
RECIPES = ("*compose*.yml", "*compose*.yaml", "*Dockerfile*")
NO_GUIDES = ("CHANGELOG*", "*/CHANGELOG*", ".github/*", *TESTS)
STANDARD = frozenset(
    (
        *("PATH", "HOME", "USER", "USERNAME", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TERM", "COLORTERM", "TMPDIR"),
        *("TEMP", "TMP", "PWD", "OLDPWD", "DISPLAY", "EDITOR", "VISUAL", "PAGER", "BROWSER", "HOSTNAME", "COLUMNS"),
        *("LINES", "NO_COLOR", "FORCE_COLOR", "TZ", "CI", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "USERPROFILE"),
        *("HOMEDRIVE", "HOMEPATH", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "COMPUTERNAME"),
        *("NUMBER_OF_PROCESSORS", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SOURCE_DATE_EPOCH"),
    )
)
FOREIGN = (
    *("LC_", "XDG_", "PYTHON", "PYTEST_", "CONDA_", "LD_", "DYLD_", "SSH_", "GIT_", "GITHUB_", "GITLAB_", "UV_"),
    *("PIP_", "DOCKER_", "BUILDKIT_", "COMPOSE_", "KUBERNETES_", "SYSTEMD_", "PROCESSOR_", "PROGRAMFILES"),
)
PREFIXES = {"huggingface-hub": "HF"}  # where a package's variables don't begin with its own name
_PREFIX = re.compile(r"[A-Z][A-Z0-9_]*_")  # as code has it that puts names together: "DEMO_" + name
_DECLARED = re.compile(r"(?<![\w${%-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)=(?![=(\[{]|\$[(!?])")
_EXAMPLE = re.compile(r"^[ \t]*#?[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=")
_RECIPE = re.compile(r"(?<![\w${%-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)[=:]")


@dataclass(frozen=True, order=True)
class Unlisted:
    """A setting that neither the template nor the profile has: where it is read or named first, and by whom read."""

    name: str
    file: str
    line: int
    read_by: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


def find_unlisted(
    root: Path, sources: Iterable[SourceFile], environment: Environment, packages: Collection[str]
) -> tuple[Unlisted, ...]:
    """Return the settings that PREFIX/.env could not set, sorted by name; ``packages`` are those of the lock."""
    known = {*environment.template, *environment.also, *environment.defaults, *environment.values}
    found: dict[str, Unlisted] = {}
    known |= {*OWN_VARIABLES, *SET_BY_LAUNCHERS}
    code, modules = set(known), _modules(sources)
    for file, read in _code_reads(modules):
        names = {name.upper() for name in read.names} if read.any_case else set(read.names)
        code |= names
        listed = {name.upper() for name in known} if read.any_case else known
        if not names & listed and not _is_foreign(read.names[0]):
            found.setdefault(read.names[0], Unlisted(read.names[0], file, read.line, CODE))
    theirs = tuple(f"{PREFIXES.get(name, name).upper().replace('-', '_')}_" for name in packages)
    ours = tuple({text for module in modules.values() for text in module.strings if _PREFIX.fullmatch(text)})
    for name, file, line, is_recipe in _guide_names(root):
        who = CODE if name.startswith(ours) else DEPENDENCY if name.startswith(theirs) else UNKNOWN
        if name not in code and not _is_foreign(name) and not (is_recipe and who == UNKNOWN):
            found.setdefault(name, Unlisted(name, file, line, who))
    return tuple(sorted(found.values()))


def _is_foreign(name: str) -> bool:
    return name.upper() in STANDARD or name.upper().startswith(FOREIGN) or not name.isidentifier() or not name.isascii()


def _modules(sources: Iterable[SourceFile]) -> dict[str, Module]:
    modules = {}
    for item in sources:
        if item.path_in_app.endswith(".py") and not matches(item.path_in_app, (*TESTS, *TOOLS)):
            tree = _parsed(item.file)
            if tree is not None:
                modules[item.path_in_app] = Module(tree)
    return modules


def _code_reads(modules: Mapping[str, Module]) -> Iterator[tuple[str, Read]]:
    settings_wrappers.link(modules)
    made = {path: list(classes_of(module)) for path, module in modules.items()}
    known = {one.name: one for classes in made.values() for one in classes}
    for path, module in modules.items():
        found = [*reads(module), *(read for one in made[path] for read in fields_of(one, known))]
        yield from ((path, read) for read in sorted(found, key=lambda read: (read.line, read.names)))


def _parsed(file: Path) -> ast.Module | None:
    """Return a file's syntax, or None for what this Python does not read: then nobody can say what it asks for."""
    try:
        if file.stat().st_size > SIZE_LIMIT:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes, which are not ours
            return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _guide_names(root: Path) -> Iterator[tuple[str, str, int, bool]]:
    """Yield the names that guides set, where, and whether that is a recipe for a container."""
    kinds = ((EXAMPLES, _EXAMPLE), (GUIDES, _DECLARED), (RECIPES, _RECIPE))
    for path in list_files(root):
        if any(fnmatchcase(path, pattern) for pattern in NO_GUIDES):
            continue
        for patterns, form in kinds:
            if any(fnmatchcase(path, pattern) for pattern in patterns):
                yield from ((name, path, line, form is _RECIPE) for name, line in _named(root / path, form))
                break


def _named(file: Path, form: re.Pattern[str]) -> Iterator[tuple[str, int]]:
    try:
        text = file.read_bytes() if file.stat().st_size <= SIZE_LIMIT else b""
    except OSError:
        return
    for number, line in enumerate(text.decode("utf-8", errors="replace").splitlines(), 1):
        yield from ((found[1], number) for found in form.finditer(line))


def note_lines(unlisted: Collection[Unlisted]) -> Iterator[str]:
    """Yield for people what PREFIX/.env could not set, and the lines that a profile takes it in with."""
    by_reader = {who: [item for item in unlisted if item.read_by == who] for who in (CODE, DEPENDENCY, UNKNOWN)}
    if by_reader[CODE]:
        yield _("  settings that the code reads but {file} cannot set:").format(file="PREFIX/.env")
        yield from (f"    {item.name} ({item.place})" for item in by_reader[CODE])
        yield _("  to allow them, add to the profile:")
        yield "    [environment]"
        yield "    also = [{}]".format(", ".join(f'"{item.name}"' for item in by_reader[CODE]))
    for who, text in (
        (DEPENDENCY, _("  settings that documents mention and a dependency may read: {names}")),
        (UNKNOWN, _("  settings that documents mention and the code does not seem to read: {names}")),
    ):
        if by_reader[who]:
            yield text.format(names=some_places(by_reader[who]))


def some_places(unlisted: Collection[Unlisted]) -> str:
    """Return the first few with where they are named, and how many more there are."""
    named = [f"{item.name} ({item.place})" for item in unlisted]
    return ", ".join(named[:NAMES_SHOWN]) + (f" (+{len(named) - NAMES_SHOWN})" if len(named) > NAMES_SHOWN else "")


def report(unlisted: Collection[Unlisted], progress: Progress) -> None:
    """Warn of the settings that the code reads and PREFIX/.env cannot set."""
    names = [item.name for item in unlisted if item.read_by == CODE]
    if names:
        text = _(
            "The code reads settings that {file} cannot set: {names}. Add those that users need to "
            "environment.also in the profile; build --dry-run shows where they are read."
        )
        progress.warn(text.format(file="PREFIX/.env", names=", ".join(names)))


def packages_of(lock: Lock) -> frozenset[str]:
    """Return the names of the packages of a lock, for any target."""
    return frozenset(str(package.name) for package in lock.pylock.packages)
