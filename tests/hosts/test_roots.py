from __future__ import annotations

import os

import pytest

from shared.processes import process
from tests.hosts import needs, roots

RECIPE = roots.RECIPES["trixie"]


@pytest.fixture
def apt(tmp_path):
    (tmp_path / "apt" / "sources.list.d").mkdir(parents=True)
    return tmp_path / "apt"


@pytest.fixture
def builder(monkeypatch, tmp_path):
    """Stand in for mmdebstrap: make the few files that a root must have, or fail when ``broken`` is set."""

    class Builder:
        broken = False
        runs: list[list[str]] = []  # noqa: RUF012  one list for one test

        def run(self, argv, *, timeout):
            self.runs.append(argv)
            tree = next(tmp_path.glob("roots/*.partial-*"))
            (tree / "etc").mkdir()
            (tree / "home").mkdir()
            return process.Completed(tuple(argv), 1 if self.broken else 0, "", "E: no such suite")

    fake = Builder()
    fake.runs = []
    monkeypatch.setattr(process, "run", fake.run)
    monkeypatch.setattr(needs, "root_on_linux", lambda: None)
    monkeypatch.setattr(needs, "program", lambda name, package: name)
    monkeypatch.setattr(roots, "mirror", lambda: "http://mirror.example/debian")
    monkeypatch.setattr(os, "chown", lambda *_: None)
    return fake


def test_a_root_is_built_once(builder, tmp_path):
    root = roots.ready_root(RECIPE, tmp_path)
    assert roots.ready_root(RECIPE, tmp_path) == root
    assert [argv[-3] for argv in builder.runs] == ["trixie"]
    assert (root / "etc" / "passwd").read_text().endswith("/home/operator:/bin/bash\n")


def test_another_recipe_is_another_root(builder, tmp_path):
    plain = roots.ready_root(RECIPE, tmp_path)
    with_ssh = roots.ready_root(roots.Recipe("trixie", ("python3", "openssh-client"), "3.13"), tmp_path)
    assert plain != with_ssh


def test_what_a_killed_build_left_is_removed_and_the_root_built_again(builder, tmp_path):
    left = tmp_path / "roots" / f"{RECIPE.key}.partial-killed"
    (left / "etc").mkdir(parents=True)
    assert roots.ready_root(RECIPE, tmp_path).is_dir()
    assert not left.exists()


def test_a_failed_build_leaves_no_root_and_says_why(builder, tmp_path):
    builder.broken = True
    with pytest.raises(needs.Unavailable, match="trixie: E: no such suite") as caught:
        roots.ready_root(RECIPE, tmp_path)
    assert caught.value.installable
    assert [path.name for path in (tmp_path / "roots").iterdir()] == [f"{RECIPE.key}.lock"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "sources.list.d/debian.sources",
            (
                "Types: deb\nURIs: http://m.example/debian-security\nSuites: x\n\n"
                "Types: deb\nURIs: http://m.example/debian\nSuites: bookworm\n"
            ),
        ),
        (
            "sources.list",
            (
                "# deb http://old.example/debian x main\n"
                "deb http://m.example/debian-security x-security main\n"
                "deb [signed-by=/k.gpg arch=amd64] http://m.example/debian x main\n"
            ),
        ),
    ],
)
def test_the_mirror_is_the_one_that_apt_uses_here(apt, name, text):
    (apt / name).write_text(text)
    assert roots.mirror(apt) == "http://m.example/debian"


def test_a_machine_without_a_debian_mirror_is_told_so(apt):
    (apt / "sources.list").write_text("deb http://m.example/ubuntu noble main\n")
    with pytest.raises(needs.Unavailable, match="no Debian mirror"):
        roots.mirror(apt)
