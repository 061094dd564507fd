"""Packages in folders whose requirements only a backend knows, and when a wheel's are those of the lockfile."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from builder.lock.folders import differing, need_of, needs_in

LOCK = """\
version = 1
revision = 3

[[package]]
name = "thing"
source = { editable = "." }

[package.metadata]
requires-dist = [
    { name = "anyio", marker = "python_full_version < '3.14'", specifier = ">=4.9,<5" },
    { name = "anyio", marker = "python_full_version >= '3.14'", specifier = ">=4.10" },
    { name = "inner", editable = "inner" },
    { name = "rich", extras = ["jupyter"], marker = "extra == 'cli'", specifier = ">=13" },
]
"""
SAID = (
    'AnyIO<5,>=4.9; python_version < "3.14"',
    'anyio>=4.10; python_version >= "3.14"',
    "inner==1.2",
    "rich[jupyter]>=13; extra == 'cli'",
)
PYPROJECT = '[project]\nname = "thing"\nversion = "1.0"\ndynamic = [{}]\n'


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (PYPROJECT.format('"dependencies"'), False),
        (PYPROJECT.format('"optional-dependencies", "version"'), False),
        (PYPROJECT.format('"version"'), True),
        ("[tool.poetry]\n", False),
        (None, True),  # uv says that nothing is there
        ("import setuptools\n", False),
        ("[", True),  # uv says why it cannot be read
    ],
)
def test_uv_compares_only_what_pyproject_says(tmp_path, text, known):
    lock = tmp_path / "uv.lock"
    assert needs_in(lock) == {}
    lock.write_text(LOCK)
    if text:
        (tmp_path / ("setup.py" if text.startswith("import") else "pyproject.toml")).write_text(text)
    assert set(needs_in(lock)) == (set() if known else {"thing"})
    lock.rename(tmp_path / "pylock.toml")
    assert needs_in(tmp_path / "pylock.toml") == {}


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (SAID, []),
        (SAID[:3], ["rich"]),
        ((*SAID, "httpx"), ["httpx"]),
        ((*SAID[:3], "rich[jupyter]>=13"), ["rich"]),
        ((SAID[0].replace("4.9", "4.8"), *SAID[1:]), ["anyio"]),
        ((*SAID[:2], "inner>=2", SAID[3]), []),  # the lockfile has a folder, not a version
    ],
)
def test_a_wheels_requirements_are_those_of_the_lockfile(tmp_path, said, names):
    (tmp_path / "uv.lock").write_text(LOCK)
    (tmp_path / "setup.py").write_text("")
    locked = needs_in(tmp_path / "uv.lock")["thing"]
    assert differing(frozenset(need_of(Requirement(text)) for text in said), locked) == names
