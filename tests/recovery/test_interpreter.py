"""The Python that was chosen keeps its name; where it went, moved or changed, each command says so and what helps."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bundle.names import INSTALLER
from installer.release import receipt
from shared.errors import HostError
from shared.processes import process
from shared.programs import uv
from tests.recovery.conftest import Host
from tests.tiny import install_tiny
from validator.check import FAIL, PASS, WARN
from validator.checks.system.python import Python
from validator.subject import subject_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and scripts of POSIX")
RUNNING = "{}.{}".format(*sys.version_info[:2])
HOME = Path(os.path.realpath(sys.base_prefix))


def root_of(fits) -> Path:
    """Return the root of another interpreter of this machine; skip by name where there is none."""
    ask = "import platform; print(platform.python_version())"
    for root in [*sorted(HOME.parent.iterdir()), Path("/usr")]:
        python = root / "bin/python3"
        if root == HOME or not python.exists():
            continue
        reported = process.run([str(python), "-I", "-S", "-c", ask], timeout=60)
        if reported.ok and fits(reported.stdout.strip()):
            return root
    pytest.skip("no such other CPython lies beside this one or in /usr")


@pytest.fixture
def link(tmp_path, monkeypatch) -> Path:
    """Lay /opt/python/current, and run as if started through it; its folder has what paths may have."""
    folder = tmp_path / "opt 파이썬" / ("x" * 150) / ("y" * 150)
    folder.mkdir(parents=True)
    found = folder / "current"
    found.symlink_to(HOME)
    monkeypatch.setattr(sys, "_base_executable", str(found / "bin/python3"), raising=False)
    return found


@pytest.fixture
def chosen(link, tiny, tmp_path) -> Host:
    return Host(install_tiny(tiny, tmp_path / "it's a prefix"), tiny)


def move(link: Path, root: Path) -> None:
    link.unlink()
    link.symlink_to(root)


def start(host: Host, name: str = "tiny", *arguments: str) -> subprocess.CompletedProcess[str]:
    argv: list[Any] = [host.prefix.bin / name, *(arguments or ("--help",))]
    env = {"PATH": "/usr/bin:/bin", "TINY_API_KEY": "k"}
    return subprocess.run(argv, capture_output=True, text=True, env=env, check=False)


def quoted(path: Path) -> str:
    """Return a path as a shell takes it."""
    return "'" + str(path).replace("'", "'\\''") + "'"


def look(host: Host):
    return next(iter(Python().run(subject_of(host.prefix))))


def test_a_chosen_link_keeps_its_name_and_may_move_within_its_minor(chosen, link):
    release, python = chosen.release, link / "bin/python3"
    assert uv.base_interpreter() == python
    assert (release.path / "interpreter").read_text().strip() == str(python)
    assert receipt.read_receipt(release).interpreter == str(python)
    assert f"home = {link}/bin\n" in (release.venv / "pyvenv.cfg").read_text()
    assert os.readlink(release.python) == str(python)
    assert chosen.answer()
    assert look(chosen).status == PASS, look(chosen).details
    # a script of the environment: its path is longer than the kernel's limit of a first line
    assert (
        subprocess.run([release.venv / "bin/tiny-version"], capture_output=True, text=True, check=False).stdout
        == "1.0.0\n"
    )

    patch = root_of(lambda version: version.startswith(f"{RUNNING}.") and version != sys.version.split()[0])
    move(link, patch)
    assert chosen.answer()
    reported = look(chosen)
    assert (reported.status, f"{python} is Python {RUNNING}." in reported.details) == (WARN, True)
    assert "; the release was built with " in reported.details
    chosen.recover()
    assert chosen.answer()
    assert look(chosen).status == PASS, look(chosen).details


def test_a_link_that_moves_to_another_minor(chosen, link, monkeypatch):
    other = root_of(lambda version: version.startswith("3.") and not version.startswith(f"{RUNNING}."))
    python, moved = link / "bin/python3", link.with_name("moved")
    move(link, other)
    ended = start(chosen)
    assert ended.returncode == 4
    assert f"{python} is Python 3." in ended.stderr
    assert f"this installation needs Python {RUNNING}\n  next: let it lead to Python {RUNNING} again" in ended.stderr
    assert "Traceback" not in ended.stderr
    reported = look(chosen)
    assert reported.status == FAIL
    assert reported.details.endswith(f", but this installation needs Python {RUNNING}")

    # the tool runs on the new one: it says which it takes, and changes nothing
    before = chosen.release
    with monkeypatch.context() as patched:
        patched.setattr(sys, "version_info", (3, 99, 0))
        plan = chosen.plan()
        assert plan.needed_python == RUNNING
        assert "this installation needs Python" in " ".join(finding.details for finding in plan.findings)
        with pytest.raises(HostError) as refused:
            chosen.recover()
    assert f"python{RUNNING} " in refused.value.advice
    assert str(chosen.release.bundle / INSTALLER) in refused.value.advice.replace("'\"'\"'", "'")
    assert chosen.release == before

    # run with one of the right minor it is mended, and keeps that one's name
    moved.symlink_to(HOME)
    monkeypatch.setattr(sys, "_base_executable", str(moved / "bin/python3"), raising=False)
    chosen.recover()
    assert chosen.answer()
    assert receipt.read_receipt(chosen.release).interpreter == str(moved / "bin/python3")


def test_what_the_scripts_say(chosen, link, tmp_path):
    """Each condition: the exit code, the sentence and the way on, for the application and for the tool."""
    prefix, release, python = chosen.prefix, chosen.release, link / "bin/python3"
    gone = f"the Python of this installation is gone: {python}\n"
    on = f"  python3 {quoted(release.bundle / INSTALLER)} recover --prefix {quoted(prefix.root)}\n"
    link.rename(aside := link.with_name("aside"))
    for name in ("tiny", "ragtrace-offline"):
        ended = start(chosen, name)
        assert (ended.returncode, ended.stderr.startswith(f"{name}: {gone}")) == (4, True), ended.stderr
        assert ended.stderr.endswith(on)
        assert ended.stderr.count("\n") == 3
    aside.rename(link)

    os.chmod(release.venv / "bin", 0o755)
    release.python.rename(stored := release.venv / "bin/kept")
    ended = start(chosen)
    recover = f"  next: {quoted(prefix.bin / 'ragtrace-offline')} recover\n"
    assert ended.returncode == 5
    assert ended.stderr == f"tiny: {release.python} is missing or cannot be executed\n{recover}".replace(
        str(release.path), os.path.realpath(release.path)
    )
    stored.rename(release.python)

    target = os.readlink(prefix.current)
    prefix.current.unlink()
    prefix.current.symlink_to("releases/none")
    ended = start(chosen)
    assert ended.returncode == 5
    assert ended.stderr == f"tiny: {prefix.current} leads to releases/none, which is not there\n{recover}"
    ended = start(chosen, "ragtrace-offline")  # it starts all the same: it is what repairs that
    assert (ended.returncode, ended.stderr) == (0, "")
    prefix.current.unlink()
    prefix.current.symlink_to(target)

    elsewhere = tmp_path / "moved"
    prefix.root.rename(elsewhere)
    ended = subprocess.run(
        [elsewhere / "bin/tiny", "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={"TINY_API_KEY": "k", "PATH": "/usr/bin:/bin"},
    )
    assert (ended.returncode, ended.stdout) == (0, "usage: tiny embed|note TEXT 1.0.0\n"), ended.stderr
    shutil.rmtree(elsewhere, ignore_errors=True)
