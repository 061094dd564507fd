from __future__ import annotations

import os
import sys

import psutil

from installer.layout import processes
from installer.layout.prefix import Prefix

WAIT = "import sys; print('ready', flush=True); sys.stdin.read()"


def seen(prefix) -> set[int]:
    return {process.pid for process in processes.of_application(processes.roots_of(prefix))}


def test_the_interpreter_of_a_release_is_the_applications(prefix, start) -> None:
    python = str(prefix.active().python)
    assert psutil.Process(start(python, "-c", WAIT)).pid in seen(prefix)


def test_so_is_a_script_of_the_release_and_what_it_has_started(prefix, start) -> None:
    script = prefix.active().app / "parent.py"
    script.write_text(
        f"import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', {WAIT!r}])\nchild.wait()\n"
    )
    parent = start(sys.executable, str(script))
    (child,) = psutil.Process(parent).children()
    assert {parent, child.pid} <= seen(prefix)


def test_so_is_what_works_in_the_release(prefix, start) -> None:
    assert start(sys.executable, "-c", WAIT, cwd=prefix.active().app) in seen(prefix)


def test_options_before_the_script_hide_it_not(prefix, start) -> None:
    script = prefix.active().app / "waits.py"
    script.write_text(WAIT)
    assert start(sys.executable, "-I", "-B", str(script), "--data", "x") in seen(prefix)


def test_what_works_in_the_users_data_and_this_tool_are_not(prefix, start) -> None:
    outside = start(sys.executable, "-c", WAIT, cwd=prefix.data)
    beside = start(sys.executable, "-c", WAIT, str(prefix.releases))
    assert not {outside, beside, os.getpid()} & seen(prefix)


def test_whoever_calls_from_inside_a_release_is_not(prefix, monkeypatch) -> None:
    monkeypatch.chdir(prefix.active().app)
    assert os.getpid() not in seen(prefix)


def test_a_prefix_beside_with_a_longer_name_is_another(prefix, start, tmp_path) -> None:
    other = tmp_path / "prefix" / "releases-of-others"
    other.mkdir()
    assert start(sys.executable, "-c", WAIT, cwd=other) not in seen(prefix)


def test_a_prefix_is_found_under_any_of_its_names(prefix, start, tmp_path) -> None:
    (tmp_path / "link").symlink_to(prefix.root)
    pid = start(sys.executable, "-c", WAIT, cwd=prefix.active().app)
    assert pid in seen(Prefix(tmp_path / "link"))
