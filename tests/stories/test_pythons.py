"""A whole life on every promised Python: install, use, upgrade, damage, recover, roll back, uninstall."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from bootstrap.launch.host import FIRST, LAST
from shared.processes import process
from tests.hosts import needs
from tests.stories.operator import Operator
from tests.stories.workshop import succeeded

pytestmark = [pytest.mark.index, pytest.mark.host]

FROM_DEBIAN = {"3.9": "bullseye-distutils", "3.11": "bookworm", "3.13": "trixie", "3.14": "sid", "3.15": "sid-3.15"}
PROMISED = [f"3.{minor}" for minor in range(FIRST[1], LAST[1] + 1)]
LIFE = {
    "pyproject.toml": """\
[project]
name = "life-site"
version = "1.0.0"
requires-python = ">=3.9"
dependencies = ["idna"]
""",
    "life.py": """\
import sys

import idna
import life_words

if sys.argv[1] == "--help":
    sys.exit(print("usage: life WORD"))
with open(__file__.replace("life.py", "data/said.txt"), "a", encoding="utf-8") as file:
    file.write(sys.argv[1] + "\\n")
print(life_words.GREETING, idna.encode(sys.argv[1]).decode())
""",
    "life_words.py": 'GREETING = "hello"\n',
    "ragtrace-profile.toml": """\
name = "Life-Site"
import_paths = ["."]
core_imports = ["idna", "life_words"]
persist = ["data"]

[[launchers]]
name = "life"
kind = "script"
target = "life.py"
cwd = "caller"
""",
}


def interpreter_of(version: str) -> Path:
    """Return the root of an interpreter of this machine that can be copied to a host as it is; raises Unavailable."""
    folders = [Path(sys.base_prefix).parent, Path("/opt"), Path("/usr/local")]
    found = [path for folder in folders for path in folder.glob(f"*/bin/python{version}")]
    named = shutil.which(f"python{version}")
    for path in [*found, *([Path(named)] if named else [])]:
        ask = "import sys; print(sys.base_prefix)"
        reported = process.run([str(path), "-I", "-c", ask], timeout=60)
        root = Path(reported.stdout.strip())
        if reported.ok and root not in (Path("/usr"), Path("/")):
            return root
    raise needs.Unavailable(f"no CPython {version} was found beside this one, in /opt or on PATH", installable=False)


def python_on(host, version: str) -> str:
    """Return the command of a Python on the host, brought there where Debian has no such one."""
    if version in FROM_DEBIAN:
        return f"python{version}"
    with needs.or_skip():
        root = interpreter_of(version)
    target = host.path(str(root))  # the same path: its programs may name it
    target.parent.mkdir(parents=True, exist_ok=True)
    for parent in root.parents:
        host.path(str(parent)).chmod(0o755)  # it may lie in a home, and every user runs it here
    shutil.copytree(root, target, symlinks=True, ignore=shutil.ignore_patterns("test", "__pycache__", "*.a", "share"))
    return f"{root}/bin/python{version}"


@pytest.mark.parametrize("version", PROMISED)
def test_a_whole_life(workshop, closed_host, version):
    host = closed_host(FROM_DEBIAN.get(version, "bookworm"))
    python = python_on(host, version)
    reported = succeeded(host.run(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")).stdout.strip()
    assert reported == version
    operator = Operator(host, "operator", "/home/operator/life", python=python)
    first = operator.copy_in(workshop.life(LIFE, version, "1.0.0"), "first")
    second = operator.copy_in(workshop.life(LIFE, version, "2.0.0"), "second")

    one = operator.install(first, "--prefix", operator.prefix)
    assert use(operator, "안녕") == "hello xn--o70b819a"
    two = json.loads(succeeded(operator.installer(second, "install", "--json", "--prefix", operator.prefix)).stdout)
    assert two["former"] == one["active"]
    validated(operator)

    module = operator.path(f"current/venv/lib/python{version}/site-packages/idna/core.py")
    module.write_bytes(module.read_bytes()[:-1])
    (operator.path("current/app/life_words.py")).unlink()
    assert operator.tool("validate", "--json").returncode == 1
    succeeded(operator.tool("recover", "--yes"))
    validated(operator)
    assert use(operator, "b") == "hello b"

    back = json.loads(succeeded(operator.tool("rollback", "--json")).stdout)
    assert back["active"] == one["active"]
    assert use(operator, "c") == "hello c"
    assert operator.path("data/data/said.txt").read_text() == "안녕\nb\nc\n"
    succeeded(operator.tool("uninstall", "--yes"))
    assert not operator.exists(f"{operator.prefix}/releases")
    assert operator.path("data/data/said.txt").is_file()


def use(operator: Operator, text: str) -> str:
    return succeeded(operator.run(f"{operator.prefix}/bin/life", text)).stdout.strip()


def validated(operator: Operator) -> None:
    report = json.loads(operator.tool("validate", "--json").stdout)
    bad = [item for item in report["validation_results"] if item["status"] in ("FAIL", "ERROR")]
    assert bad == []


def test_a_debian_python_without_distutils_is_told_by_the_plan_already(workshop, closed_host):
    operator = Operator(closed_host("bullseye"), "operator", "/home/operator/life")
    bundle = operator.copy_in(workshop.life(LIFE, "3.9", "1.0.0"))
    for more in ((), ("--dry-run",)):
        done = operator.installer(bundle, "install", "--prefix", operator.prefix, *more)
        assert done.returncode == 4
        assert "lacks distutils" in done.stdout + done.stderr
        assert "python3-distutils" in done.stdout + done.stderr
        assert not operator.exists(operator.prefix)
