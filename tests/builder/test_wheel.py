"""The builder as people install tools: a wheel, made from this checkout, that does what the checkout does."""

from __future__ import annotations

import os
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
import tomllib
import uv

from builder.zipapp.pack import ROOT, add_own_packages
from shared.processes import process
from tests.hosts import needs
from tests.stories.workshop import HELLO, clean, succeeded

OFFLINE = ("--no-build-isolation", "--offline", "--no-config")
TREE = Path("ragtrace_builder", "tree")


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    argv = [uv.find_uv_bin(), "build", "--wheel", *OFFLINE, "--python", sys.executable, "--out-dir", str(folder)]
    succeeded(process.run([*argv, str(ROOT / "distribution" / "builder")], env=clean(), timeout=300))
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    argv = [uv.find_uv_bin(), "pip", "install", "--offline", "--no-config", "--no-deps", "--python", sys.executable]
    succeeded(process.run([*argv, "--target", str(folder), str(wheel)], env=clean(), timeout=300))
    return folder


def test_it_requires_what_the_lock_gives_the_builder(wheel) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = HeaderParser().parsestr(archive.read(name).decode())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["builder"]]
    assert len(metadata.get_all("Requires-Dist", [])) == len(wanted)
    assert metadata["Version"] == project["project"]["version"]


def test_it_makes_the_same_installer_as_the_checkout(site, tmp_path) -> None:
    add_own_packages(ROOT, tmp_path / "checkout")
    add_own_packages(site / TREE, tmp_path / "wheel")
    assert files_of(tmp_path / "wheel") == files_of(tmp_path / "checkout")


def test_its_command_runs_and_calls_itself_by_its_name(site, tmp_path) -> None:
    env = {**clean(), "PYTHONPATH": str(site), "HOME": str(tmp_path), "LANG": "ko_KR.UTF-8"}
    program = str(site / "bin" / "ragtrace-builder")
    done = succeeded(process.run([program, "--version"], env=env, cwd=tmp_path, timeout=120))
    assert done.stdout.startswith("ragtrace-builder ")
    project = tmp_path / "project"
    for name, text in HELLO.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    argv = [program, "build", "--project-root", str(project)]
    done = process.run(argv, env=env, cwd=tmp_path, timeout=120)
    assert done.returncode in (2, 7), done
    assert "`ragtrace-builder keygen`" in done.stderr or "uv.lock" in done.stderr
    assert os.fspath(ROOT) not in done.stderr


@pytest.mark.index
def test_uv_tool_installs_it_and_it_builds_a_bundle(wheel, tmp_path) -> None:
    tools = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    tools["UV_CACHE_DIR"] = str(needs.cache_folder() / "uv")
    env = {**clean(), **tools, "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    argv = [uv.find_uv_bin(), "tool", "install", "--no-config", "--python", sys.executable, str(wheel)]
    succeeded(process.run(argv, env=env, timeout=600))
    project = tmp_path / "project"
    for name, text in HELLO.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    for argv in (["git", "init", "-q"], [uv.find_uv_bin(), "lock", "--no-config"], ["git", "add", "."]):
        succeeded(process.run(argv, env=env, cwd=project, timeout=300))
    program = str(tmp_path / "bin" / "ragtrace-builder")
    succeeded(process.run([program, "keygen", str(tmp_path / "key"), "--no-passphrase"], env=env, timeout=60))
    argv = [program, "build", "--sign-key", str(tmp_path / "key"), "--output-dir", str(tmp_path / "out")]
    succeeded(process.run([*argv, "--counter", "1"], env=env, cwd=project, timeout=900))
    (made,) = [path.parent for path in (tmp_path / "out").glob("*/SHA256SUMS")]
    argv = [sys.executable, str(made / "ragtrace-install.pyz"), "verify"]
    succeeded(process.run(argv, env=env, timeout=120))
