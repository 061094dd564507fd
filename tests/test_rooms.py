"""The rooms of the house: each says what may be in it, holds about a dozen modules, and the scripts stand above all.

Which room may import which is for the contracts in pyproject.toml (``lint-imports``).
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("bootstrap", "recovery", "validator", "installer", "fleet", "bundle", "shared", "builder")
BESIDE = ("tools", "tests", "benchmarks")  # what ships and the builder know nothing of these
# data, and programs that run elsewhere
NO_ROOMS = ("bundle_files", "folder_files", "profiles", "slip_files", "tools_lock", "locale")
MOST = 12  # modules of one room
MOST_ARROWS = 91  # between the rooms of the engine and of what it stands on


def rooms() -> list[Path]:
    found = [path for top in TOPS for path in ((ROOT / top), *(ROOT / top).rglob("*")) if path.is_dir()]
    return [path for path in found if not {"__pycache__", *NO_ROOMS} & set(path.relative_to(ROOT).parts)]


def imported(file: Path) -> set[str]:
    """Return what a file imports of ours, wherever in it the import stands and whatever it is for."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            found |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name for name in found if name.partition(".")[0] in (*TOPS, *BESIDE)}


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.relative_to(ROOT).as_posix())
def test_a_room_says_what_may_be_in_it_and_holds_about_a_dozen_modules(room) -> None:
    face = ast.parse((room / "__init__.py").read_text(encoding="utf-8"))
    assert (ast.get_docstring(face) or "").partition("\n")[0].endswith((".", ":"))
    assert len([path for path in room.glob("*.py") if path.name != "__init__.py"]) <= MOST


def test_few_arrows_run_between_the_rooms_of_the_engine() -> None:
    arrows = set()
    for top in ("installer", "bundle", "shared"):
        for file in (ROOT / top).rglob("*.py"):
            here = _room(file.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."), top)
            arrows |= {(here, _room(name, top)) for name in imported(file) if name.startswith(f"{top}.")}
    assert len({arrow for arrow in arrows if arrow[0] != arrow[1]}) < MOST_ARROWS


def _room(module: str, top: str) -> str:
    """Return the room, or the module beside the rooms, directly below a part of the house."""
    return ".".join(module.split(".")[: top.count(".") + 2])


def test_the_script_that_makes_the_zipapp_stands_on_the_builder_alone() -> None:
    found = {name.partition(".")[0] for name in imported(ROOT / "build_zipapp.py")}
    assert found == {"builder", "bundle", "shared"}


def test_nothing_imports_the_script() -> None:
    files = [path for top in (*TOPS, "tools") for path in (ROOT / top).rglob("*.py")]
    script = re.compile(r"\b(?:from|import) build_zipapp\b")
    assert [path for path in files if script.search(path.read_text(encoding="utf-8"))] == []
