from __future__ import annotations

import pytest

from builder.project import hosts_python as module
from builder.project.hosts_python import INCLUDED, OPTION, PINNED, REQUIRED, RUNNING, hosts_python, pin
from bundle.target import parse_target


@pytest.fixture
def choose(tmp_path, monkeypatch):
    """Return a function that makes a project and chooses for it, with a builder that runs on 3.11."""
    monkeypatch.setattr(module, "host_target", lambda: parse_target("linux-x86_64", "3.11"))

    def call(required: str | None, pinned: str | None = None, *, asked=(), included=None, locked=None):
        member = tmp_path / "packages" / "a"
        member.mkdir(parents=True)
        needs = f'requires-python = "{required}"\n' if required else ""
        (member / "pyproject.toml").write_text(f'[project]\nname = "a"\nversion = "1"\n{needs}')
        if locked:
            (tmp_path / "uv.lock").write_text(f'version = 1\nrevision = 3\nrequires-python = "{locked}"\n')
        if pinned:
            (tmp_path / ".python-version").write_text(pinned)
        return hosts_python(asked, included, member, tmp_path)

    return call


def test_what_the_command_line_names_comes_first(choose):
    found = choose(">=3.13", "3.13", asked=["3.12", "3.9"], included="3.14")
    assert (found.versions, found.origin) == (("3.12", "3.9"), OPTION)


def test_the_python_to_include_is_the_hosts(choose):
    found = choose(">=3.13", "3.13", included="3.14.2")
    assert (found.versions, found.origin) == (("3.14",), INCLUDED)


def test_an_archive_to_include_says_nothing_of_its_version(choose):
    assert choose(">=3.9", included="cpython-3.14.tar.gz").origin == RUNNING


def test_a_pinned_python_is_only_a_preference(choose):
    found = choose(">=3.10", "3.12\n")
    assert (found.versions, found.origin) == (("3.11",), RUNNING)
    assert "--python 3.12" in found.reason


def test_a_pinned_python_is_taken_where_the_builders_does_not_fit(choose):
    found = choose(">=3.12", "# ours\n3.13.1\n")
    assert (found.versions, found.origin) == (("3.13",), PINNED)
    assert "requires-python (>=3.12) excludes 3.11" in found.reason


def test_the_oldest_that_fits_is_taken_where_the_pin_does_not(choose):
    found = choose(">=3.12.4,<3.14", "3.10", locked="==3.13.*")
    assert (found.versions, found.origin) == (("3.13",), REQUIRED)
    assert "==3.13.*" in found.reason


def test_where_none_fits_the_lock_says_so_later(choose):
    assert choose(">=4").versions == ("3.11",)


@pytest.mark.parametrize(
    ("text", "found"),
    [("3.12", "3.12"), ("cpython-3.13.1\n", "3.13"), ("cpython@3.9", "3.9"), ("pypy3.10", None), (">=3.9", None)],
)
def test_pins_of_cpython_are_read(tmp_path, text, found):
    (tmp_path / ".python-version").write_text(text)
    assert pin(tmp_path, tmp_path) == found


def test_a_pin_above_the_lockfile_is_not_the_projects(tmp_path):
    (tmp_path / ".python-version").write_text("3.12")
    (tmp_path / "root").mkdir()
    assert pin(tmp_path / "root", tmp_path / "root") is None
