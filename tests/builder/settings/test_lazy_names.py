from __future__ import annotations

import pytest

from builder.settings.lazy_names import lines, unused
from builder.sources.source import SourceFile

SOURCE = """\
import a.b
import c as other
from d.e import f
from . import near
from .close import thing

def later():
    import g
"""


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "m.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("import (\n")
    (tmp_path / "data.txt").write_text("import z\n")
    return [
        SourceFile("src/pack/m.py", tmp_path / "m.py"),
        SourceFile("broken.py", tmp_path / "broken.py"),
        SourceFile("data.txt", tmp_path / "data.txt"),
    ]


def test_names_that_nothing_imports_are_told(sources) -> None:
    known = ["a", "a.b", "c", "d", "d.e", "d.e.f", "g", "src", "src.pack.near", "src.pack.close"]
    assert unused(known, sources) == []
    assert unused(["aa", "a.c", "z", *known], sources) == ["aa", "a.c", "z"]
    (line,) = lines(["aa", "g"], sources)
    assert "aa" in line
    assert list(lines(["g"], sources)) == list(lines([], sources)) == []
