"""After a fresh installation of anything, by root or anybody else, validate finds nothing that fails."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from shared.errors import InstallError
from tests.owners import answer_of
from tests.tiny import install_tiny, tiny_bundle
from tests.validator.fresh import SHAPES
from validator.check import OPERATOR, WARN

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and rights of POSIX")


def fresh(folder: Path, shape: str, umask: str, *, as_root: bool):
    """Return what validate says is not well in a fresh installation of a shape."""
    return answer_of("tests.validator.fresh", folder, shape, umask, as_root=as_root)


@pytest.mark.parametrize(("umask", "as_root"), [("022", True), ("077", False)])
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_fails_after_a_fresh_installation(tmp_path, shape, umask, as_root) -> None:
    found = fresh(tmp_path, shape, umask, as_root=as_root)
    assert {result["status"] for result in found["bad"]} <= {WARN}, found
    assert {result["remedy"] for result in found["bad"]} <= {OPERATOR}
    assert [result["id"] for result in found["bad"] if result["id"].startswith("ragtrace.")] == (
        ["ragtrace.settings"] if shape == "settings required and not set" else []
    )
    # what it was called for while it was tried is gone
    assert "exports" not in found["root"]


@pytest.mark.parametrize(("umask", "as_root"), [("077", True), ("022", False)])
def test_neither_does_it_under_another_umask(tmp_path, umask, as_root) -> None:
    found = fresh(tmp_path, "writes, called from anywhere", umask, as_root=as_root)
    assert {result["status"] for result in found["bad"]} <= {WARN}, found


@pytest.mark.parametrize("place", ["app/state.txt", "app/src/state.txt", "venv/state.txt"])
def test_an_application_that_changes_installed_files_is_not_installed(tmp_path, place) -> None:
    # root may write there, and would leave a release that is not what was sealed, which recover makes anew in vain
    app = f"""\
from pathlib import Path
path = Path(__file__).resolve().parent.parent / "{place}"
path.write_text(path.read_text() + "more" if path.exists() else "one")
print("[5.0, 0.5]")
"""
    tiny = tiny_bundle(tmp_path / "bundle", sources={"app.py": app})
    with pytest.raises(InstallError) as refused:
        install_tiny(tiny, tmp_path / "prefix")
    if os.geteuid() == 0:
        assert place in refused.value.what
        assert "persist" in refused.value.advice
    else:
        assert "Permission denied" in refused.value.what
