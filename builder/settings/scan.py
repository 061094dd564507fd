"""Find settings that an application reads or its guides mention, but that PREFIX/.env cannot set.

1. the Python code of the bundle, from its syntax trees (code.py)
2. guides: NAME=value in documents, example env files, container recipes
3. excluded: settings of the profile or the template, system variables, and settings that only tests read

The result is a note to the user of the builder and never fails a build: a profile may omit settings.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from builder.settings import wrappers as settings_wrappers
from builder.settings.classes import classes_of, fields_of
from builder.settings.code import Module, Read, reads
from builder.sources.patterns import matches
from builder.sources.source import list_files
from bundle.product.environment import OWN_VARIABLES, SET_BY_LAUNCHERS
from shared.i18n import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from builder.lock.lock import Lock
    from builder.sources.source import SourceFile
    from bundle.product.environment import Environment
    from shared.terminal.progress import Progress

SIZE_LIMIT = 1 << 20  # bytes of a file to inspect; larger ones are data
CODE, DEPENDENCY, UNKNOWN = "code", "dependency", "unknown"  # the reader of a setting
NAMES_SHOWN = 10  # settings shown that only guides mention
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
PREFIXES = {"huggingface-hub": "HF"}  # packages whose variables are not prefixed with the package's name
_PREFIX = re.compile(r"[A-Z][A-Z0-9_]*_")  # a string constant of code that composes names: "DEMO_" + name
_DECLARED = re.compile(r"(?<![\w${%-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)=(?![=(\[{]|\$[(!?])")
_EXAMPLE = re.compile(r"^[ \t]*#?[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=")
_RECIPE = re.compile(r"(?<![\w${%-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)[=:]")


@dataclass(frozen=True, order=True)
class Unlisted:
    """A setting missing from both template and profile, where it is first used or mentioned, and its reader."""

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
    """Return the settings that PREFIX/.env cannot set, sorted by name; ``packages`` lists those of the lockfile."""
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
    """Return the syntax tree of a file, or None if it is too large or this Python cannot read or parse it."""
    try:
        if file.stat().st_size > SIZE_LIMIT:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about invalid escapes in the application's code
            return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _guide_names(root: Path) -> Iterator[tuple[str, str, int, bool]]:
    """Yield each setting in a guide with its file, its line and whether the file is a container recipe."""
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
    """Yield human-readable lines: the settings that PREFIX/.env cannot set, and the profile lines that allow them."""
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
    """Return the first settings with their locations, and the number of further ones."""
    named = [f"{item.name} ({item.place})" for item in unlisted]
    return ", ".join(named[:NAMES_SHOWN]) + (f" (+{len(named) - NAMES_SHOWN})" if len(named) > NAMES_SHOWN else "")


def report(unlisted: Collection[Unlisted], progress: Progress) -> None:
    """Warn about the settings that the code reads but PREFIX/.env cannot set."""
    names = [item.name for item in unlisted if item.read_by == CODE]
    if names:
        text = _(
            "The code reads settings that {file} cannot set: {names}. In the profile, add to environment.also those "
            "that users need; `build --dry-run` shows where they are read."
        )
        progress.warn(text.format(file="PREFIX/.env", names=", ".join(names)))


def packages_of(lock: Lock) -> frozenset[str]:
    """Return the names of all packages in a lockfile, for any target."""
    return frozenset(str(package.name) for package in lock.pylock.packages)
