from __future__ import annotations

import pytest

from tests.hosts import needs


@pytest.mark.parametrize(
    ("ci", "installable", "outcome"),
    [
        ("", True, "Skipped"),
        ("", False, "Skipped"),
        ("true", False, "Skipped"),
        ("true", True, "Failed"),
    ],
)
def test_in_ci_only_what_cannot_be_installed_may_be_missing(monkeypatch, ci, installable, outcome):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(BaseException, match="no moon") as caught, needs.or_skip():
        raise needs.Unavailable("no moon", installable=installable)
    assert type(caught.value).__name__ == outcome


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("RAGTRACE_TEST_CACHE", str(tmp_path))
    assert needs.cache_folder() == tmp_path
    monkeypatch.delenv("RAGTRACE_TEST_CACHE")
    assert needs.cache_folder() == needs.CHECKOUT / ".cache"


def test_a_missing_program_without_apt_is_named_with_its_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(needs.Unavailable, match="apt-get install moonpackage") as caught:
        needs.program("moon", package="moonpackage")
    assert caught.value.installable


def test_a_missing_program_is_installed_through_apt(monkeypatch, tmp_path):
    (tmp_path / "apt-get").write_text(
        f'#!/bin/sh\n[ "$1" != install ] || {{ : > {tmp_path}/moon; /bin/chmod +x {tmp_path}/moon; }}\n'
    )
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("RAGTRACE_TEST_CACHE", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert needs.program("moon", package="moonpackage") == str(tmp_path / "moon")
