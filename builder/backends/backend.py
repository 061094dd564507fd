"""One build: the backend of a tree makes a wheel, in an environment, a copy and an enclosure for this build only.

1. resolve what the tree requires, and install it from wheels whose hashes are recorded
2. ask the backend what else it requires; resolve and install that too
3. let it build, without network, with an environment of few variables, and within a time limit
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.backends import enclosure, failures, requirements
from shared.errors import BuildError
from shared.i18n import _
from shared.processes import process

if TYPE_CHECKING:
    from builder.backends.build_system import BuildSystem
    from builder.backends.trees import Tree
    from builder.backends.workshop import Interpreter, Workshop
    from builder.lock.build_lock import Resolution
    from builder.lock.locked import LockedSource

EPOCH = 315532800  # SOURCE_DATE_EPOCH of every build: 1980, the earliest time in a zip
ASK_TIME_LIMIT = 60.0
PROGRAM = (Path(__file__).parent / "pep517.py").read_text(encoding="utf-8")
PREFIXES = (
    "import json, os, sys; print(json.dumps([os.path.realpath(p) for p in (sys.base_prefix, sys.base_exec_prefix)]))"
)
# what compilers of native code need, besides the system's own variables; none has credentials
_PASSED = re.compile(
    r"""(?x) SYSTEMROOT | SYSTEMDRIVE | WINDIR | COMSPEC | PATHEXT | PROGRAMFILES.* | NUMBER_OF_PROCESSORS | INCLUDE
    | LIB | CC | CXX | FC | AR | LD | (C|CXX|CPP|LD|F)FLAGS | PKG_CONFIG_PATH | CMAKE_(PREFIX_PATH|GENERATOR|ARGS)
    | MACOSX_DEPLOYMENT_TARGET | ARCHFLAGS | SDKROOT | RUSTUP_TOOLCHAIN"""
)


@dataclass(frozen=True)
class Source:
    """An unpacked source: its lockfile entry, its tree and its build system."""

    locked: LockedSource
    tree: Tree
    system: BuildSystem


@dataclass(frozen=True)
class Made:
    """A built wheel, and the resolutions of the requirements that it was built with."""

    wheel: Path
    resolutions: tuple[Resolution, ...]


def build(source: Source, work: Path, python: Interpreter, workshop: Workshop) -> Made:
    """Build the wheel of a source, whose tree is in the folder ``work``; the backend writes to it.

    Raises BuildError if its requirements are not available, the build fails, or it creates no wheel or more than one.
    """
    resolutions = [requirements.resolve(source.system.requires, python, workshop)]
    answer = _call(source, work, python, resolutions, workshop)
    if "requires" in answer:
        every = [*source.system.requires, *answer["requires"]]
        resolutions.append(requirements.resolve(every, python, workshop))
        answer = _call(source, work, python, resolutions, workshop)
    wheels = [path for path in (work / "out").iterdir() if path.suffix == ".whl"]
    if len(wheels) != 1 or wheels[0].is_symlink() or not wheels[0].is_file() or wheels[0].name != answer.get("wheel"):
        raise failures.failed(source.locked, _("its backend created no wheel or more than one"))
    return Made(wheels[0], tuple(one for one in resolutions if one.asked.requires))


def _call(
    source: Source, work: Path, python: Interpreter, resolutions: list[Resolution], workshop: Workshop
) -> dict[str, Any]:
    """Run the backend's hooks and return their result.

    The second call's environment also has what get_requires_for_build_wheel returned.
    """
    apart = work.with_name(f"{work.name}-build{len(resolutions)}")
    program = requirements.install(resolutions, python, workshop, apart)
    for name in ("out", "home", "tmp"):
        (work / name).mkdir(exist_ok=True)
    (apart / "root").mkdir()
    answer = work / "answer.json"
    request = {
        "backend": source.system.backend,
        "backend_path": list(source.system.backend_path),
        "complete": len(resolutions) > 1,
        "out": str(work / "out"),
        "answer": str(answer),
    }
    done = enclosure.run(
        [str(program), "-B", "-c", PROGRAM, json.dumps(request)],
        _enclosure(source, work, apart, python, workshop),
        cwd=source.tree.folder,
        env=_environment(source, work, program, python),
        timeout=workshop.limit,
    )
    shutil.rmtree(apart, ignore_errors=True)
    if not done.ok:
        raise failures.explained(source.locked, done, work, workshop.logs)
    return _answer(source.locked, answer)


def _answer(locked: LockedSource, path: Path) -> dict[str, Any]:
    try:
        if path.is_symlink():
            raise ValueError(path.name)
        value = json.loads(path.read_text(encoding="utf-8"))
        if set(value) == {"wheel"} or all(isinstance(item, str) for item in value["requires"]):
            return dict(value)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise failures.failed(locked, _("its backend returned no valid result"))


def _enclosure(source: Source, work: Path, apart: Path, python: Interpreter, workshop: Workshop) -> enclosure.Enclosure:
    home = Path.home()
    toolchains = [Path(os.environ.get("RUSTUP_HOME") or home / ".rustup"), _cargo() / "bin"]
    readable = [
        apart / "env",
        *_prefixes(python),
        *source.tree.objects,
        *(path for path in toolchains if path.is_dir()),
    ]
    return enclosure.Enclosure(apart / "root", (work,), tuple(readable), (home, workshop.fetching.cache.root))


def _cargo() -> Path:
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def _prefixes(python: Interpreter) -> list[Path]:
    """Return the folders of an interpreter's own files. Raises BuildError if it does not run."""
    done = process.run([python.path, "-I", "-S", "-c", PREFIXES], timeout=ASK_TIME_LIMIT)
    try:
        return [*map(Path, json.loads(done.stdout)), Path(python.path).resolve().parent]
    except ValueError as error:
        raise BuildError(_("{program} does not run.").format(program=python.path)) from error


def _environment(source: Source, work: Path, program: Path, python: Interpreter) -> dict[str, str]:
    """Return the variables of a build: few of the caller's, and none that names a key, an agent, a home or a cache."""
    passed = {name: value for name, value in os.environ.items() if _PASSED.fullmatch(name)}
    folders = [program.parent, Path(python.path).resolve().parent, _cargo() / "bin"]
    rustup = os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup")
    return {
        **passed,
        **_versions(source.locked),
        **{name: str(work / "home") for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")},
        **{name: str(work / "tmp") for name in ("TMPDIR", "TMP", "TEMP")},
        "PATH": os.pathsep.join([*map(str, folders), os.environ.get("PATH") or os.defpath]),
        "RUSTUP_HOME": rustup,
        "LANG": "C.UTF-8",
        "SOURCE_DATE_EPOCH": str(EPOCH),
        "PYTHONHASHSEED": "0",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(work),
        "UV_OFFLINE": "1",
        "PIP_NO_INDEX": "1",
        "CARGO_NET_OFFLINE": "true",
        "NO_COLOR": "1",
    }


def _versions(locked: LockedSource) -> dict[str, str]:
    """Return the variables by which the common tools take a version as given: the lockfile's, if it has one.

    The version of a folder is its own; git dependencies and source archives have the locked one.
    """
    if not locked.version or locked.kind == "folder":
        return {}
    name = re.sub(r"[-_.]+", "_", locked.name).upper()
    known = ("POETRY_DYNAMIC_VERSIONING_BYPASS", "PDM_BUILD_SCM_VERSION", "PBR_VERSION")
    return dict.fromkeys((f"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{name}", *known), locked.version)
