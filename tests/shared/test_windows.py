from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest

from installer.userdata import persist
from shared import windows
from shared.files import files

USER = "S-1-5-21-1-2-3-1001"
OWN = f"O:{USER}D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{USER})"


class HeldError(OSError):
    winerror = 32


class Scanner:
    """Holds a file for so many tries."""

    def __init__(self, tries: int, error: type[OSError] = HeldError) -> None:
        self.tries, self.error, self.called = tries, error, 0

    def __call__(self) -> None:
        self.called += 1
        if self.called <= self.tries:
            raise self.error("held")


def test_what_a_scanner_holds_is_tried_again():
    scanner = Scanner(2)
    windows.patiently(scanner, (0, 0, 0))
    assert scanner.called == 3


def test_patience_ends():
    scanner = Scanner(9)
    with pytest.raises(HeldError):
        windows.patiently(scanner, (0, 0))
    assert scanner.called == 3
    assert 2 < sum(windows.PAUSES) < 10


def test_other_errors_are_not_tried_again():
    scanner = Scanner(1, OSError)
    with pytest.raises(OSError, match="held"):
        windows.patiently(scanner, (0, 0))
    assert scanner.called == 1


@pytest.mark.parametrize(
    "sddl", [OWN, OWN + "(A;OICIIO;FA;;;WD)", OWN + "(D;;FA;;;WD)", f"O:BAG:BAD:AI(A;ID;FA;;;{USER})"]
)
def test_a_file_of_one_user(sddl):
    assert not windows.others_reach(sddl, USER)


@pytest.mark.parametrize(
    "sddl",
    [
        OWN + "(A;;FR;;;BU)",
        OWN + "(A;ID;0x1200a9;;;WD)",
        OWN + "(A;;FR;;;S-1-5-21-1-2-3-1002)",
        f"O:{USER}",
        "O:BAD:NO_ACCESS_CONTROL",
    ],
)
def test_a_file_that_others_reach(sddl):
    assert windows.others_reach(sddl, USER)


INHERITED = f"O:BAG:BAD:AI(A;ID;FA;;;SY)(A;ID;FA;;;{USER})"
OPEN = f"O:{USER}D:AI(A;ID;FR;;;BU)(A;ID;FA;;;{USER})"


@pytest.mark.parametrize(
    ("source", "copy", "closed"),
    [
        (OWN, INHERITED, True),
        (OWN, OPEN, True),
        (INHERITED, OPEN, True),
        (INHERITED, INHERITED, False),
        (OPEN, OPEN, False),
    ],
)
def test_a_copy_of_what_is_one_users_is_his_too(source, copy, closed):
    assert windows.must_close(source, copy, USER) is closed


@pytest.mark.parametrize("entry", ["(A;OICIID;0x1301bf;;;AU)", "(A;;FA;;;WD)", "(A;;LC;;;BU)", "(A;;GW;;;BU)"])
def test_a_folder_that_anybody_writes(entry):
    assert windows.anybody_writes(OWN + entry)


@pytest.mark.parametrize(
    "entry",
    ["(A;OICI;0x1200a9;;;BU)", "(A;OICIIO;GA;;;AU)", "(A;;FRFX;;;WD)", "(A;;FA;;;S-1-5-21-9-9-9-9)", "S:(AU;;FA;;;WD)"],
)
def test_a_folder_that_not_everybody_writes(entry):
    assert not windows.anybody_writes(OWN + entry)


def test_a_folder_without_an_access_list_is_anybody_s():
    assert windows.anybody_writes(f"O:{USER}")


@pytest.mark.skipif(sys.platform != "win32", reason="Windows has junctions; wine makes none")
def test_a_tree_is_removed_and_what_its_junctions_lead_to_stays(tmp_path):
    tree, data = tmp_path / "tree", tmp_path / "data"
    (tree / "app").mkdir(parents=True)
    data.mkdir()
    (data / "user.txt").write_text("kept")
    persist.lead(tree / "app" / "data", data)
    files.remove_tree(tree)
    assert not tree.exists()
    assert (data / "user.txt").read_text() == "kept"


def test_a_junction_is_told_from_a_folder(tmp_path, monkeypatch):
    assert not windows.is_junction(tmp_path)
    assert not windows.is_junction(tmp_path / "missing")
    monkeypatch.setattr(os, "lstat", lambda path: SimpleNamespace(st_reparse_tag=windows.MOUNT_POINT))
    assert windows.is_junction(tmp_path)


@pytest.mark.parametrize(
    ("sddl", "protected"),
    [(OWN, True), (OWN.replace("D:P", "D:PAI"), True), (OWN.replace("D:P", "D:AI"), False), ("O:BA", False)],
)
def test_an_access_list_that_was_set_on_purpose(sddl, protected):
    assert windows.is_protected(sddl) is protected
