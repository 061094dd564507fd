from __future__ import annotations

import os
import stat

import pytest

from builder.fetch.credentials import Login, authorization, index_logins
from builder.project.project import Index, UvSettings, read_uv_settings
from shared.errors import BuildError

INNER = Index("inner-index", "https://index.test/simple")
KEYRING = """#!/bin/sh
echo "$@" >> {log}
[ "$2" = "{service}" ] && echo "from keyring"
"""


@pytest.fixture
def keyring(tmp_path, monkeypatch):
    """Put a program of that name on the path; it answers for one service and keeps what it was asked."""

    def make(service):
        program = tmp_path / "bin" / "keyring"
        program.parent.mkdir()
        program.write_text(KEYRING.format(log=tmp_path / "asked", service=service))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        return tmp_path / "asked"

    return make


def logins(index, environ, provider="disabled"):
    return index_logins(UvSettings((index,), provider), environ)


def test_a_login_comes_from_the_variables_named_after_the_index():
    environ = {"UV_INDEX_INNER_INDEX_USERNAME": "me", "UV_INDEX_INNER_INDEX_PASSWORD": "pass!word"}
    assert logins(INNER, environ) == (Login("https://index.test:443", "me", "pass!word"),)
    assert logins(INNER, {"UV_INDEX_INNER_INDEX_USERNAME": "me"}) == ()
    assert logins(INNER, {"UV_INDEX_OTHER_USERNAME": "me", "UV_INDEX_OTHER_PASSWORD": "x"}) == ()


def test_a_login_in_the_address_of_an_index_counts_and_a_variable_counts_more():
    index = Index("inner", "https://me:p%40ss@index.test/simple")
    assert logins(index, {}) == (Login("https://index.test:443", "me", "p@ss"),)
    assert logins(index, {"UV_INDEX_INNER_PASSWORD": "new"})[0].password == "new"


def test_a_login_goes_to_its_own_origin_alone_and_is_never_shown():
    login = Login("https://index.test:443", "me", "pass!word")
    assert authorization("https://index.test/files/x.whl", (login,)) == "Basic bWU6cGFzcyF3b3Jk"
    for other in ("https://files.index.test/x", "http://index.test/x", "https://index.test:8443/x"):
        assert authorization(other, (login,)) is None
    assert "pass" not in repr(login)
    assert "me" not in repr(login)


def test_keyring_is_asked_for_the_address_and_then_the_host(keyring):
    asked = keyring("index.test")
    index = Index("inner", "https://me@index.test/simple")
    assert logins(index, {"UV_KEYRING_PROVIDER": "subprocess"})[0] == Login(
        "https://index.test:443", "me", "from keyring"
    )
    assert asked.read_text() == "get https://index.test/simple me\nget index.test me\n"


def test_keyring_is_asked_only_where_it_is_wanted(keyring):
    asked = keyring("index.test")
    index = Index("inner", "https://me@index.test/simple")
    assert logins(index, {}) == ()
    assert logins(INNER, {}, "subprocess") == ()  # nobody is named
    assert not asked.exists()
    always = Index("inner", INNER.url, authenticate="always")
    assert logins(always, {}, "subprocess")[0].username == "oauth2accesstoken"
    environ = {"UV_INDEX_INNER_PASSWORD": "given", "UV_KEYRING_PROVIDER": "subprocess"}
    asked.unlink()
    assert logins(index, environ)[0].password == "given"
    assert not asked.exists()


def test_a_keyring_that_is_missing_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"Cannot run keyring, which has the password for index\.test"):
        logins(Index("inner", "https://me@index.test/simple"), {}, "subprocess")


def test_settings_of_uv_are_read_from_pyproject(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        """
[tool.uv]
keyring-provider = "subprocess"
build-constraint-dependencies = ["setuptools<80"]
[[tool.uv.index]]
name = "inner"
url = "https://me:secret@index.test/simple"
default = true
[[tool.uv.index]]
url = "https://other.test/simple"
explicit = true
authenticate = "always"
"""
    )
    settings = read_uv_settings(tmp_path)
    assert settings.indexes == (
        Index("inner", "https://me:secret@index.test/simple", default=True),
        Index("", "https://other.test/simple", explicit=True, authenticate="always"),
    )
    assert (settings.keyring_provider, settings.build_constraints) == ("subprocess", ("setuptools<80",))
    assert "secret" not in repr(settings)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert read_uv_settings(tmp_path) == UvSettings()
