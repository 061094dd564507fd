"""A workspace whose members have the common backends, beside what ``uv sync --locked`` installs from the same lock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import uv

from builder import cli
from shared.programs.uv import Uv
from tests.builder.small_project import _quick, made  # noqa: F401
from tests.builder.sources import commit
from tests.hosts import needs

pytestmark = [pytest.mark.usefixtures("_quick"), pytest.mark.index]
CLASSIC = """
[project]
name = "{name}"
version = "1.5"
requires-python = ">=3.11"
{more}
[build-system]
requires = ["{backend}"]
build-backend = "{hooks}"
"""
TWIN = {
    "pyproject.toml": """
[project]
name = "app"
dynamic = ["version"]
requires-python = ">=3.11"
dependencies = ["plug", "scm", "modern", "flitted", "beside"]
scripts = { app-run = "app:main" }
gui-scripts = { app-window = "app:main" }
[build-system]
requires = ["hatchling", "hatch-vcs"]
build-backend = "hatchling.build"
[tool.hatch]
version.source = "vcs"
build.hooks.vcs.version-file = "src/app/_version.py"
build.targets.wheel.packages = ["src/app"]
[tool.uv]
workspace.members = ["packages/*"]
[tool.uv.sources]
plug = { workspace = true }
scm = { workspace = true }
modern = { workspace = true }
flitted = { workspace = true }
beside = { path = "beside" }
""",
    ".gitignore": "_version.py\n*.egg-info\nbuild\n.venv\n",
    "src/app/__init__.py": "from app._version import version\n\n\ndef main():\n    print(version)\n",
    "packages/plug/pyproject.toml": CLASSIC.format(
        name="plug",
        more="entry-points = { 'app.plugins' = { first = 'plug:NAME' } }\n[tool.setuptools]\n"
        "package-data.plug = ['*.txt']",
        backend="setuptools>=77",
        hooks="setuptools.build_meta",
    ),
    "packages/plug/plug/__init__.py": "NAME = 'plug'\n",
    "packages/plug/plug/words.txt": "words\n",
    "packages/scm/pyproject.toml": CLASSIC.format(
        name="scm",
        more="[tool.setuptools_scm]\nroot = '../..'",
        backend='setuptools>=77", "setuptools-scm>=8',
        hooks="setuptools.build_meta",
    ).replace('version = "1.5"', 'dynamic = ["version"]'),
    "packages/scm/scm/__init__.py": "",
    "packages/scm/scm/tracked.dat": "by git alone\n",
    "packages/modern/pyproject.toml": CLASSIC.format(
        name="modern", more='scripts = { modern = "modern:main" }', backend="uv_build>=0.8", hooks="uv_build"
    ),
    "packages/modern/src/modern/__init__.py": "def main(): ...\n",
    "packages/flitted/pyproject.toml": CLASSIC.format(
        name="flitted", more='description = "x"', backend="flit_core>=3.11", hooks="flit_core.buildapi"
    ).replace('version = "1.5"', 'dynamic = ["version"]'),
    "packages/flitted/flitted.py": '"""A module."""\n__version__ = "0.7"\n',
    "beside/pyproject.toml": '[project]\nname = "beside"\nversion = "3"\n',
    "beside/beside.py": "",
}
INSTALLED = """
import json, os, sys
from importlib import metadata
found = {one.name: one for one in metadata.distributions()}
print(json.dumps({
    "versions": {name: one.version for name, one in found.items()},
    "points": sorted((p.group, p.name, p.value) for one in found.values() for p in one.entry_points),
    "requires": {name: sorted(one.requires or ()) for name, one in found.items()},
    "scripts": sorted(name for name in os.listdir(os.path.dirname(sys.executable)) if "activate" not in name),
}))
"""


@pytest.fixture
def twin(tmp_path) -> Path:
    folder = tmp_path / "app"
    for path, text in TWIN.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    commit(folder)
    run("git", "tag", "v2.3.4", cwd=folder)
    run(uv.find_uv_bin(), "lock", "--quiet", cwd=folder)
    run("git", "add", "uv.lock", cwd=folder)
    run("git", "-c", "user.name=a", "-c", "user.email=a@b.test", "commit", "-q", "--amend", "-m", "locked", cwd=folder)
    run("git", "tag", "-f", "v2.3.4", cwd=folder)
    return folder


def test_the_same_distributions_scripts_and_entry_points_as_uv_sync(twin, key, tmp_path):
    places = ["--project-root", twin, "--output-dir", tmp_path / "out", "--sign-key", key]
    places += ["--cache-dir", needs.cache_folder() / "builder"]
    assert cli.main(["build", *map(str, places), "--quiet"]) == 0
    bundle = made(tmp_path / "out")
    assert bundle.name.startswith("app-2.3.4-")
    with tarfile.open(next(bundle.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (root,) = (tmp_path / "unpacked").iterdir()
    installer = Uv(tmp_path / "scratch")
    installer.venv(tmp_path / "venv", Path(sys.executable).resolve())
    installer.sync(tmp_path / "venv/bin/python", root / "02_Dependencies/pylock.toml")
    ours = installed(tmp_path / "venv")
    run(uv.find_uv_bin(), "sync", "--locked", "--quiet", "--no-editable", "--no-dev", cwd=twin)
    theirs = installed(twin / ".venv")
    assert ours == theirs
    assert ours["versions"]["app"] == ours["versions"]["scm"] == "2.3.4"
    assert {"app-run", "app-window", "modern"} <= set(ours["scripts"])
    assert files(tmp_path / "venv") == files(twin / ".venv")
    application = json.loads((bundle / "MANIFEST.json").read_bytes())["application"]
    assert [one["name"] for one in application["launchers"]] == ["app-run", "app-window"]


def installed(venv: Path) -> dict:
    return dict(json.loads(run(str(venv / "bin/python"), "-I", "-c", INSTALLED, cwd=venv)))


def files(venv: Path) -> set[str]:
    """Return what is installed besides notes of the installer and metadata of builds."""
    (site,) = venv.glob("lib/python*/site-packages")
    found = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    return {
        path
        for path in found
        if not path.endswith((".pyc", "uv_build.json", "RECORD", "direct_url.json", "uv_cache.json", ".lock"))
    }


def run(*argv: str, cwd: Path) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "SOURCE_DATE"))}
    return subprocess.run(argv, cwd=cwd, env=env, check=True, capture_output=True, text=True).stdout
