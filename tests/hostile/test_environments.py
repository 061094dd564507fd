"""Hosts whose environment wants to have a say: the real installer, on a closed host, installs the same bytes.

Nothing that lies about there runs, but for what Python itself runs before the first line of a program
(sitecustomize and .pth files of PYTHONPATH and the user's site): that runs in the first process alone,
which only starts a clean one.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hostile.kit import ARCHIVE
from tests.hosts import closed, needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.processes.process import Completed

pytestmark = [pytest.mark.index, pytest.mark.host]
INDEX = "http://127.0.0.1:9/simple"
PROXY = "http://127.0.0.1:9"
PREFIX, HOME, HERE, MEDIUM, TRAP = "/srv/prefix", "/srv/home", "/srv/here", "/srv/medium", "/srv/trap"
RAN = f"{TRAP}/ran"  # what runs and should not leaves this file
SPRUNG = f"open({RAN!r}, 'a').write(__file__ + '\\n')\nimport os\nos._exit(66)\n"
# what Python itself runs first tries to spoil the process that it runs in, for whatever is started there
MEDDLES = f"""
import builtins, hashlib, json, os, sys, zipfile
os.environ.update(UV_INDEX_URL="{INDEX}", SHIV_ROOT="{TRAP}", SHIV_ENTRY_POINT="platform:main", PYTHONPATH="{TRAP}")
os.environ.update(RAGTRACE_CACHE_ROOT="{TRAP}", RAGTRACE_CALLER_NAMES="x")
sys.path.insert(0, "{TRAP}")
hashlib.sha256 = hashlib.md5
json.loads = json.load = lambda *_a, **_o: dict(files=dict())
sys.dont_write_bytecode = False
open("{TRAP}/meddled", "w").close()
"""
MODULES = ("json", "hashlib", "argparse", "subprocess", "packaging", "rich", "uv", "psutil", "cryptography",
           "bootstrap", "recovery", "validator", "installer", "fleet", "bundle", "shared",
           "launch", "_bootstrap", "tiny_lib", "zoneinfo")  # fmt: skip


class Scene:
    """A host to be spoiled: what lies there, and with which variables the installer is started."""

    def __init__(self, host: closed.Host) -> None:
        self.host = host
        self.variables: dict[str, str] = {}

    def stage(self, path: str, text: str, mode: int = 0o644) -> None:
        there = self.host.path(path)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(text)
        there.chmod(mode)

    def install(self, key: str) -> Completed:
        for folder in (HOME, HERE):
            self.host.path(folder).mkdir(parents=True, exist_ok=True)
        env = {"HOME": HOME, "RAGTRACE_CACHE": "/srv/cache", **self.variables}
        command = ("/usr/bin/python3", f"{MEDIUM}/ragtrace-install.pyz", "install", "--quiet")
        return self.host.run(*command, "--prefix", PREFIX, "--trust-key", key, env=env, cwd=HERE)

    def clean(self) -> None:
        for place in (PREFIX, HOME, HERE, TRAP):
            shutil.rmtree(self.host.path(place), ignore_errors=True)
        for path in self.host.path(MEDIUM).iterdir():
            if path.is_dir() or path.suffix in (".py", ".cfg", ".pth"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def variables(**values):
    return lambda scene: scene.variables.update(values)


def file(path, text=SPRUNG, mode=0o644):
    return lambda scene: scene.stage(path, text, mode)


def both(*spoilers):
    return lambda scene: [spoil(scene) for spoil in spoilers]


def modules(folder):
    """Return what lays modules under the names of our own and the standard library's into a folder."""
    return both(*(file(f"{folder}/{name}.py") for name in MODULES), file(f"{folder}/rich/__init__.py"))


def user_site(folder):
    return f"{folder}/lib/python3.11/site-packages"


def fake_programs(scene):
    """Put programs that fail first on PATH."""
    for name in ("uv", "python", "python3", "python3.11", "pip", "git", "tar", "gzip", "ssh-keygen", "sh", "env"):
        scene.stage(f"{TRAP}/bin/{name}", f"#!/bin/sh\necho {name} >> {RAN}\nexit 66\n", 0o755)
    scene.variables["PATH"] = f"{TRAP}/bin:{closed.SEARCH_PATH}"


def poisoned_cache(scene):
    for name in ("archive-v0", "wheels-v5", "simple-v16"):
        for cache in (f"{HOME}/.cache/uv", f"{TRAP}/uv"):
            scene.stage(f"{cache}/{name}/poison", "\xff" * 64)
    scene.variables["UV_CACHE_DIR"] = f"{TRAP}/uv"


SHIV = {
    "SHIV_ROOT": TRAP,
    "SHIV_ENTRY_POINT": "platform:main",
    "SHIV_CONSOLE_SCRIPT": "uv",
    "SHIV_MODULE": "platform:main",
    "SHIV_INTERPRETER": "1",
    "SHIV_FORCE_EXTRACT": "1",
    "SHIV_COMPILE_PYC": "1",
    "SHIV_COMPILE_WORKERS": "64",
    "SHIV_EXTEND_PYTHONPATH": "1",
    "SHIV_PREPEND_PYTHONPATH": TRAP,
}
CASES = [
    *((name.lower().replace("_", "-"), both(modules(TRAP), variables(**{name: value})))
      for name, value in SHIV.items()),
    ("python-path", both(modules(TRAP), variables(PYTHONPATH=TRAP))),
    ("python-path-sitecustomize", both(file(f"{TRAP}/sitecustomize.py", MEDDLES), variables(PYTHONPATH=TRAP))),
    ("python-home", variables(PYTHONHOME="/usr")),
    ("python-startup", both(file(f"{TRAP}/startup.py"), variables(PYTHONSTARTUP=f"{TRAP}/startup.py"))),
    ("python-inspect", variables(PYTHONINSPECT="1", PYTHONBREAKPOINT="os.abort", PYTHONPROFILEIMPORTTIME="")),
    ("python-warnings", variables(PYTHONWARNINGS="error", PYTHONDEVMODE="1", PYTHONASYNCIODEBUG="1")),
    ("python-pycache-prefix", variables(PYTHONPYCACHEPREFIX=TRAP, PYTHONDONTWRITEBYTECODE="", PYTHONOPTIMIZE="2")),
    ("python-user-base", both(file(f"{user_site(TRAP)}/usercustomize.py", MEDDLES), variables(PYTHONUSERBASE=TRAP))),
    ("python-user-site", both(file(f"{user_site(HOME + '/.local')}/usercustomize.py", MEDDLES),
                              file(f"{user_site(HOME + '/.local')}/tiny_lib.py"))),
    ("python-user-pth", file(f"{user_site(HOME + '/.local')}/x.pth", f"import sys; sys.path.insert(0, {TRAP!r})\n")),
    ("python-encoding", variables(PYTHONIOENCODING="ascii:strict", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", LANG="C",
                                  LC_ALL="C")),
    ("python-memory", variables(PYTHONHASHSEED="0", PYTHONMALLOC="debug", PYTHONTRACEMALLOC="9")),
    ("modules-here", both(modules(HERE), file(f"{HERE}/sitecustomize.py"), file(f"{HERE}/usercustomize.py"))),
    ("modules-beside", both(modules(MEDIUM), file(f"{MEDIUM}/sitecustomize.py"), file(f"{MEDIUM}/__main__.py"))),
    ("modules-in-home", both(modules(HOME), file(f"{HOME}/sitecustomize.py"), file(f"{HOME}/.pythonrc.py"))),
    ("pyvenv-cfg", both(*(file(f"{place}/pyvenv.cfg", f"home = {TRAP}\ninclude-system-site-packages = true\n")
                          for place in (HERE, MEDIUM, HOME, "/srv")))),
    ("virtual-env", variables(VIRTUAL_ENV=TRAP, CONDA_PREFIX=TRAP, PYENV_VERSION="2.7")),
    ("uv-index", variables(UV_INDEX_URL=INDEX, UV_DEFAULT_INDEX=INDEX, UV_EXTRA_INDEX_URL=INDEX, UV_INDEX=INDEX,
                           UV_FIND_LINKS=TRAP)),
    ("uv-constraint", variables(UV_CONSTRAINT=TRAP, UV_OVERRIDE=TRAP, UV_BUILD_CONSTRAINT=TRAP)),
    ("uv-target", variables(UV_TARGET=TRAP, UV_PREFIX=TRAP, UV_PROJECT_ENVIRONMENT=TRAP, UV_WORKING_DIRECTORY=TRAP)),
    ("uv-python", variables(UV_PYTHON="3.9", UV_SYSTEM_PYTHON="1", UV_BREAK_SYSTEM_PACKAGES="1", UV_VENV_SEED="1",
                            UV_PYTHON_DOWNLOADS="automatic")),
    ("uv-links", variables(UV_LINK_MODE="symlink", UV_COMPILE_BYTECODE="1", UV_DRY_RUN="1", UV_ENV_FILE=TRAP)),
    ("uv-build", variables(UV_NO_BINARY="1", UV_NO_BUILD="0", UV_ONLY_BINARY="", UV_NO_DEPS="1", UV_REINSTALL="1")),
    ("uv-hashes", variables(UV_REQUIRE_HASHES="0", UV_NO_VERIFY_HASHES="1", UV_INSECURE_HOST="*", UV_PREVIEW="1",
                            UV_OFFLINE="0", UV_NO_CONFIG="0")),
    ("uv-platform", variables(UV_PYTHON_PLATFORM="windows", UV_EXCLUDE_NEWER="2000-01-01", UV_RESOLUTION="lowest")),
    ("uv-config-file", both(file(f"{TRAP}/uv.toml", "link-mode = 'symlink'\n"),
                            variables(UV_CONFIG_FILE=f"{TRAP}/uv.toml"))),
    ("uv-cache", poisoned_cache),
    ("uv-toml", both(*(file(f"{place}/uv.toml", "link-mode = 'symlink'\nno-binary = true\n")
                       for place in (HERE, MEDIUM, f"{HOME}/.config/uv", "/etc/uv", "/srv")))),
    ("broken-uv-toml", both(*(file(f"{place}/uv.toml", "this is no toml")
                              for place in (HERE, MEDIUM, f"{HOME}/.config/uv", "/etc/uv", "/srv")))),
    ("project-here", both(file(f"{HERE}/pyproject.toml", "[tool.uv]\nno-binary = true\n"),
                          file(f"{HERE}/.python-version", "2.7\n"), file(f"{HERE}/.env", "UV_NO_BINARY=1\n"))),
    ("pip-variables", variables(PIP_INDEX_URL=INDEX, PIP_TARGET=TRAP, PIP_NO_INDEX="0", PIP_CONFIG_FILE=TRAP)),
    ("pip-conf", both(*(file(path, f"[install]\ntarget = {TRAP}\n")
                        for path in (f"{HOME}/.config/pip/pip.conf", f"{HOME}/.pip/pip.conf", "/etc/pip.conf")))),
    ("pydistutils", both(file(f"{HOME}/.pydistutils.cfg", f"[install]\nprefix={TRAP}\n"),
                         file(f"{HERE}/setup.cfg", f"[install]\nprefix={TRAP}\n"))),
    ("proxies", variables(HTTP_PROXY=PROXY, HTTPS_PROXY=PROXY, ALL_PROXY=PROXY, http_proxy=PROXY, NO_PROXY="")),
    ("certificates", variables(SSL_CERT_FILE=TRAP, SSL_CERT_DIR=TRAP, REQUESTS_CA_BUNDLE=TRAP, SSLKEYLOGFILE=RAN)),
    ("netrc", both(file(f"{HOME}/.netrc", "machine 127.0.0.1 login x password y\n", 0o600),
                   variables(NETRC=f"{HOME}/.netrc"))),
    ("xdg", variables(XDG_CONFIG_HOME=TRAP, XDG_CACHE_HOME=TRAP, XDG_CONFIG_DIRS=TRAP, XDG_DATA_HOME=TRAP)),
    ("programs-on-path", fake_programs),
    ("no-home", variables(HOME="/dev/null")),
    ("application", variables(TINY_API_KEY="x\ny", TINY_MODEL=TRAP, HF_HOME=TRAP, TORCH_HOME=TRAP)),
]  # fmt: skip
# where Python runs such files of its own accord, they did run: otherwise the case shows nothing
MEDDLERS = ("python-path-sitecustomize", "python-user-base", "python-user-site")
CLOCK = "uv_cache.json"  # what uv notes of a wheel: the time of its file


def installed_bytes(release: Path) -> dict[str, str]:
    """Return path → digest of a release, but for what holds the time at which it was made."""
    found = {}
    for path in sorted(release.rglob("*")):
        relative = path.relative_to(release).as_posix()
        if path.is_symlink():
            found[relative] = os.readlink(path)
        elif path.suffix == ".pyc":
            found[relative] = "bytecode"  # holds its source's time
        elif path.is_file() and path.name not in ("receipt.json", "COMPLETE", CLOCK):
            lines = [line for line in path.read_bytes().splitlines(keepends=True) if CLOCK.encode() not in line]
            found[relative] = hashlib.sha256(b"".join(lines)).hexdigest()
    return found


def release_in(scene: Scene) -> Path:
    (release,) = scene.host.path(f"{PREFIX}/releases").iterdir()
    return release


@pytest.fixture(scope="module")
def closed_site(original, zipapp, tmp_path_factory) -> Iterator[tuple[Scene, str, dict[str, str]]]:
    """Give a closed host with a bundle on a medium, the key to trust, and what a clean installation installs."""
    medium = tmp_path_factory.mktemp("medium") / "bundle"
    draft = original.draft(medium)
    draft.with_installer(zipapp.read_bytes()).write(ARCHIVE)
    with ExitStack() as stack:
        with needs.or_skip():
            host = stack.enter_context(closed.closed_host("bookworm", tmp_path_factory.mktemp("host")))
        host.put(medium, MEDIUM)
        scene, key = Scene(host), original.key.key.line()
        done = scene.install(key)
        assert done.ok, done.stderr
        expected = installed_bytes(release_in(scene))
        scene.clean()
        yield scene, key, expected


@pytest.mark.parametrize(("name", "spoil"), CASES, ids=[case[0] for case in CASES])
def test_a_hostile_environment_changes_no_installed_byte(closed_site, name, spoil) -> None:
    site, key, expected = closed_site
    host = site.host
    scene = Scene(host)
    before = outside(host)
    try:
        host.path(TRAP).mkdir()
        spoil(scene)
        done = scene.install(key)
        assert done.ok, done.stderr
        assert installed_bytes(release_in(scene)) == expected
        assert not os.path.lexists(host.path(RAN)), host.path(RAN).read_text()
        assert os.path.lexists(host.path(f"{TRAP}/meddled")) == (name in MEDDLERS)
    finally:
        scene.clean()
        for path in ("/etc/uv/uv.toml", "/etc/pip.conf", "/srv/uv.toml", "/srv/pyvenv.cfg"):
            host.path(path).unlink(missing_ok=True)
    assert outside(host) == before


def outside(host: closed.Host) -> set[str]:
    """Return what lies where an installation has no business."""
    places = ("/", "/srv", "/etc", "/usr/bin", "/usr/lib/python3/dist-packages", "/tmp", "/root", "/var/tmp")
    return {f"{place}/{name}" for place in places for name in os.listdir(host.path(place)) if name != "uv"}


def test_a_python_that_does_not_start_installs_nothing(closed_site) -> None:
    scene, key = Scene(closed_site[0].host), closed_site[1]
    scene.variables["PYTHONHOME"] = TRAP
    done = scene.install(key)
    assert not done.ok
    assert not os.path.lexists(scene.host.path(PREFIX))
    scene.clean()


def test_every_variable_of_shiv_is_tried() -> None:
    import shiv.bootstrap

    sources = Path(shiv.bootstrap.__file__).parent.glob("*.py")
    assert {name for path in sources for name in re.findall(r"SHIV_\w+", path.read_text())} == set(SHIV)


def test_the_list_is_long_enough() -> None:
    assert len(CASES) >= 20
    assert len({name for name, _spoil in CASES}) == len(CASES)
