import os
from dataclasses import replace

import pytest

from installer.trust import ownership
from shared.errors import TrustError

posix = pytest.mark.skipif(os.name == "nt", reason="modes and owners of POSIX")
PRIVATE = "O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)"
PROGRAM_DATA = (
    "O:SYG:SYD:PAI(A;OICIIO;GA;;;CO)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;CI;DCLCRPCR;;;BU)"
)


@pytest.fixture
def file(trust_stores):
    trust_stores.host.mkdir(parents=True)
    path = trust_stores.host / "policy-1.json"
    path.write_text("{}")
    return path


def problem(path, trust_stores):
    with pytest.raises(TrustError) as caught:
        ownership.require_private(path, trust_stores)
    assert caught.value.advice
    return caught.value.what


def test_a_private_file_counts(file, trust_stores):
    ownership.require_private(file, trust_stores)


@posix
@pytest.mark.parametrize("mode", [0o020, 0o002, 0o022])
@pytest.mark.parametrize("above", [0, 1, 2, 3])
def test_nobody_else_may_write_the_file_or_a_parent(file, trust_stores, mode, above):
    place = [file, *file.parents][above]
    place.chmod(place.stat().st_mode | mode)
    assert f"{place} is writable by other users" in problem(file, trust_stores)


@posix
def test_a_sticky_folder_is_no_better(file, trust_stores):
    trust_stores.host.parent.chmod(0o1777)
    assert "is writable by other users" in problem(file, trust_stores)


@posix
def test_another_owner_does_not_count(file, trust_stores):
    assert f"{file} belongs to another user" in problem(file, replace(trust_stores, owner=trust_stores.owner + 1))


@posix
@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("above", [0, 1, 2])
def test_another_owner_of_any_part(file, trust_stores, above):
    place = [file, *file.parents][above]
    os.chown(place, 65533, -1)
    assert f"{place} belongs to another user" in problem(file, trust_stores)


@posix
def test_a_link_does_not_count(file, trust_stores):
    aside = file.with_name("aside")
    file.rename(aside)
    file.symlink_to(aside)
    assert f"{file} is a link" in problem(file, trust_stores)


@posix
def test_the_whole_way_to_the_root_is_looked_at(file, trust_stores):
    shared = trust_stores.top.parent
    mode = shared.stat().st_mode
    shared.chmod(mode | 0o002)
    try:
        assert f"{shared} is writable by other users" in problem(file, replace(trust_stores, top=shared.parent))
    finally:
        shared.chmod(mode)


@pytest.mark.parametrize("parent", [False, True])
def test_what_administrators_alone_can_write(parent):
    assert ownership.sddl_problem(PRIVATE, parent=parent) == ""


def test_what_we_make_on_windows_counts():
    assert ownership.sddl_problem(ownership.PRIVATE, parent=False) == ""


@posix
def test_an_administrator_s_file_counts_where_nobody_else_can_replace_it(trust_stores):
    trust_stores.host.mkdir(parents=True)
    assert ownership.counts_below(trust_stores.host, trust_stores)
    trust_stores.host.parent.chmod(0o777)
    assert not ownership.counts_below(trust_stores.host, trust_stores)


def test_program_data_serves_as_a_parent_alone():
    assert ownership.sddl_problem(PROGRAM_DATA, parent=True) == ""
    assert "writable by other users" in ownership.sddl_problem(PROGRAM_DATA, parent=False)


@pytest.mark.parametrize(
    "sddl",
    [
        "O:S-1-5-21-1-2-3-1001G:SYD:PAI(A;;FA;;;SY)",
        "O:BUG:SYD:PAI(A;;FA;;;SY)",
        "",
        "G:SYD:PAI(A;;FA;;;SY)",
    ],
)
def test_an_owner_who_is_no_administrator(sddl):
    assert "another user" in ownership.sddl_problem(sddl, parent=True)


@pytest.mark.parametrize("rights", ["FA", "GA", "GW", "SD", "WD", "WO", "DT", "0x1301bf", "0x40", "XX"])
def test_rights_to_replace_are_refused_in_every_parent(rights):
    assert ownership.sddl_problem(f"{PRIVATE}(A;;{rights};;;WD)", parent=True)


@pytest.mark.parametrize("rights", ["DC", "LC", "FW", "0x2", "0x100116"])
def test_rights_to_write_are_refused_in_the_folder_itself(rights):
    assert ownership.sddl_problem(f"{PRIVATE}(A;;{rights};;;AU)", parent=False)


@pytest.mark.parametrize(
    "sddl",
    [
        "O:BAG:SY",
        "O:BAG:SYD:NO_ACCESS_CONTROL",
        'O:BAG:SYD:(XA;;FX;;;S-1-1-0;(@User.Title=="PM"))',
        "O:BAG:SYD:(OA;;WD;;;WD)",
    ],
)
def test_no_list_or_an_unusual_one_is_open_to_all(sddl):
    assert "writable by other users" in ownership.sddl_problem(sddl, parent=True)


def test_entries_that_deny_or_are_for_children_only_do_no_harm():
    assert ownership.sddl_problem(f"{PRIVATE}(D;;FA;;;WD)(A;OICIIO;FA;;;WD)", parent=False) == ""
