"""Hosts whose environment wants to have a say in what is installed: the same bytes come out."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.hostile.kit import ARCHIVE, forget

if TYPE_CHECKING:
    from pathlib import Path

INDEX = "http://127.0.0.1:9/simple"


def variables(**values):
    return lambda host, patch: [patch.setenv(name, value) for name, value in values.items()]


def file(place, text, *, mode=0o644):
    """Return what lays a file in the home or the working folder."""

    def lay(host, patch):
        path = host.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    return lay


def fake_programs(host, patch):
    """Put programs that fail first on PATH."""
    for name in ("uv", "python", "python3", "python3.11", "pip", "git", "tar", "gzip", "ssh-keygen"):
        file(f"home/bin/{name}", f"#!/bin/sh\ntouch {host.root}/home/ran-{name}\nexit 66\n", mode=0o755)(host, patch)
    patch.setenv("PATH", f"{host.root}/home/bin:{os.environ['PATH']}")


def poisoned_cache(host, patch):
    cache = host.root / "home" / ".cache" / "uv"
    for name in ("archive-v0", "wheels-v5", "simple-v16"):
        (cache / name).mkdir(parents=True, exist_ok=True)
        (cache / name / "poison").write_bytes(b"\xff" * 64)
    patch.setenv("UV_CACHE_DIR", str(cache))


PROXY = "http://127.0.0.1:9"
CASES = [
    ("uv-index", variables(UV_INDEX_URL=INDEX, UV_DEFAULT_INDEX=INDEX, UV_EXTRA_INDEX_URL=INDEX, UV_INDEX=INDEX)),
    ("uv-find-links", variables(UV_FIND_LINKS="/nowhere")),
    ("uv-constraint", variables(UV_CONSTRAINT="/nowhere", UV_OVERRIDE="/nowhere", UV_BUILD_CONSTRAINT="/nowhere")),
    ("uv-target", variables(UV_TARGET="/nowhere", UV_PREFIX="/nowhere", UV_PROJECT_ENVIRONMENT="/nowhere")),
    ("uv-python", variables(UV_PYTHON="3.9", UV_SYSTEM_PYTHON="1", UV_BREAK_SYSTEM_PACKAGES="1")),
    ("uv-links", variables(UV_LINK_MODE="symlink", UV_COMPILE_BYTECODE="1", UV_VENV_SEED="1")),
    ("uv-build", variables(UV_NO_BINARY="1", UV_NO_BUILD="0", UV_ONLY_BINARY="", UV_NO_DEPS="1", UV_REINSTALL="1")),
    ("uv-config-file", variables(UV_CONFIG_FILE="/nowhere/uv.toml", UV_NO_CONFIG="0", UV_OFFLINE="0")),
    ("uv-hashes", variables(UV_REQUIRE_HASHES="0", UV_NO_VERIFY_HASHES="1", UV_INSECURE_HOST="*", UV_PREVIEW="1")),
    ("uv-platform", variables(UV_PYTHON_PLATFORM="windows", UV_EXCLUDE_NEWER="2000-01-01", UV_RESOLUTION="lowest")),
    ("uv-cache", poisoned_cache),
    ("uv-dry-run", variables(UV_DRY_RUN="1", UV_WORKING_DIRECTORY="/nowhere", UV_ENV_FILE="/nowhere")),
    ("pip", variables(PIP_INDEX_URL=INDEX, PIP_TARGET="/nowhere", PIP_NO_INDEX="0", PIP_CONFIG_FILE="/nowhere")),
    ("proxies", variables(HTTP_PROXY=PROXY, HTTPS_PROXY=PROXY, ALL_PROXY=PROXY, http_proxy=PROXY, NO_PROXY="")),
    ("certificates", variables(SSL_CERT_FILE="/nowhere", REQUESTS_CA_BUNDLE="/nowhere", CURL_CA_BUNDLE="/nowhere")),
    ("python-path", variables(PYTHONPATH="/nowhere", PYTHONHOME="/nowhere", PYTHONSTARTUP="/nowhere")),
    ("python-flags", variables(PYTHONOPTIMIZE="2", PYTHONDONTWRITEBYTECODE="1", PYTHONPYCACHEPREFIX="/nowhere")),
    ("python-warnings", variables(PYTHONWARNINGS="error", PYTHONDEVMODE="1", PYTHONINSPECT="1", PYTHONUSERBASE="/no")),
    ("virtual-env", variables(VIRTUAL_ENV="/nowhere", CONDA_PREFIX="/nowhere", __PYVENV_LAUNCHER__="/nowhere")),
    ("xdg", variables(XDG_CONFIG_HOME="/nowhere", XDG_CACHE_HOME="/nowhere", XDG_CONFIG_DIRS="/nowhere")),
    ("uv-toml-in-home", file("home/.config/uv/uv.toml", "offline = false\nindex-url = 'http://127.0.0.1:9'\n")),
    ("uv-toml-here", file("cwd/uv.toml", "link-mode = 'symlink'\nno-binary = true\n")),
    ("broken-uv-toml-here", file("cwd/uv.toml", "this is no toml")),
    ("pyproject-here", file("cwd/pyproject.toml", "[tool.uv]\nno-binary = true\n")),
    ("python-version-here", file("cwd/.python-version", "2.7\n")),
    ("pip-conf-in-home", file("home/.config/pip/pip.conf", "[install]\ntarget = /nowhere\n")),
    ("netrc-in-home", file("home/.netrc", "machine 127.0.0.1 login x password y\n", mode=0o600)),
    ("pydistutils-in-home", file("home/.pydistutils.cfg", "[install]\nprefix=/nowhere\n")),
    ("pyvenv-cfg-here", file("cwd/pyvenv.cfg", "home = /nowhere\ninclude-system-site-packages = true\n")),
    ("sitecustomize-here", file("cwd/sitecustomize.py", "raise SystemExit(66)\n")),
    ("user-site", file("home/.local/lib/python3.11/site-packages/usercustomize.py", "raise SystemExit(66)\n")),
    ("module-here", file("cwd/tiny_lib.py", "raise SystemExit(66)\n")),
    ("programs-on-path", fake_programs),
]


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
        elif path.is_file() and path.name not in ("receipt.json", CLOCK):
            lines = [line for line in path.read_bytes().splitlines(keepends=True) if CLOCK.encode() not in line]
            found[relative] = hashlib.sha256(b"".join(lines)).hexdigest()
    return found


@pytest.fixture(scope="module")
def expected() -> dict[str, dict[str, str]]:
    return {}


@pytest.mark.parametrize("spoil", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_a_hostile_environment_changes_no_installed_byte(host, draft, capsys, monkeypatch, expected, spoil) -> None:
    draft.write(ARCHIVE)
    prefix = host.root / "media" / "prefix"
    if not expected:
        ended = host.run(capsys, "install", draft.folder, "--prefix", prefix)
        assert ended.code == 0, ended.text
        expected["bytes"] = installed_bytes((prefix / "current").resolve())
        shutil.rmtree(host.root / "media" / "prefix")
    try:
        spoil(host, monkeypatch)
        ended = host.run(capsys, "install", draft.folder, "--prefix", prefix)
        assert ended.code == 0, ended.text
        assert installed_bytes((prefix / "current").resolve()) == expected["bytes"]
        assert not list((host.root / "home").glob("ran-*"))
    finally:
        for place in ("home", "cwd"):
            forget(host.root / place)


def test_the_list_is_long_enough() -> None:
    assert len(CASES) >= 20
    assert len({name for name, _spoil in CASES}) == len(CASES)
