"""The one rule of ownership: owner, every folder above, links on the way, group and others."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import sys
from types import SimpleNamespace

import pytest

from shared.files import owners

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="owners and modes of POSIX")
as_root = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root gives files away")
STRANGER = 12345


def status(mode: int, uid: int = 0, gid: int = 0):
    return SimpleNamespace(st_mode=mode, st_uid=uid, st_gid=gid)


FOLDER, FILE, LINK = stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (status(FOLDER | 0o755), ""),
        (status(FOLDER | 0o755, uid=STRANGER), owners.FOREIGN),
        (status(FOLDER | 0o757), owners.OPEN),
        (status(FOLDER | 0o1777), ""),
        (status(FOLDER | 0o1777, uid=STRANGER), owners.FOREIGN),  # who owns it may rename what is in it
        (status(FILE | stat.S_ISVTX | 0o666), owners.OPEN),  # of a file that bit says nothing
        (status(FOLDER | 0o775, gid=STRANGER), owners.OPEN),
        (status(FOLDER | 0o775, gid=7), ""),
        (status(LINK | 0o777), ""),
        (status(LINK | 0o777, uid=STRANGER), owners.FOREIGN),
    ],
)
def test_what_others_can_change(found, expected) -> None:
    assert owners.problem(found, {0}, {7}) == expected


def test_for_the_policy_the_sticky_bit_is_not_enough() -> None:
    assert owners.problem(status(FOLDER | 0o1777), {0}, (), sticky=False) == owners.OPEN


def account(monkeypatch, *, user: int, group: int, name: str, members: list[str]) -> set[int]:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: SimpleNamespace(pw_gid=group, pw_name="kim"))
    monkeypatch.setattr(grp, "getgrgid", lambda gid: SimpleNamespace(gr_gid=gid, gr_name=name, gr_mem=members))
    return owners.own_groups()


@pytest.mark.parametrize(
    ("user", "group", "name", "members", "expected"),
    [
        (1000, 1000, "kim", [], {1000}),
        (1000, 1000, "kim", ["kim"], {1000}),
        (1000, 1000, "kim", ["kim", "lee"], set()),
        (1000, 100, "users", [], set()),  # everybody's first group: /etc/group need not name them
        (0, 0, "wheel", ["kim"], {0}),
        (0, 0, "root", ["lee"], set()),
    ],
)
def test_a_group_that_holds_nobody_else(monkeypatch, user, group, name, members, expected) -> None:
    assert account(monkeypatch, user=user, group=group, name=name, members=members) == expected


def test_a_user_whom_the_host_does_not_know_has_no_group_of_his_own(monkeypatch) -> None:
    def unknown(_uid):
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert owners.own_groups() == set()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert owners.own_groups() == {0}


def test_the_way_to_a_path_leads_through_links(tmp_path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/../real")
    (tmp_path / "absolute").symlink_to(tmp_path / "link")
    places = [place for place, _status in owners.chain(str(tmp_path / "absolute" / "deep" / "new" / "newer"))]
    assert places[0] == "/"
    below = [os.path.relpath(place, tmp_path) for place in places if place.startswith(f"{tmp_path}/")]
    assert below == ["absolute", "link", "real", "real", "real/deep"]
    assert places.count(str(tmp_path)) == 2  # once more, from the top, for the link that names it


def test_links_that_lead_in_a_circle_are_no_way(tmp_path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        list(owners.chain(str(tmp_path / "a" / "x")))


def test_a_relative_path_begins_where_we_are(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [place for place, _status in owners.chain("x")] == [place for place, _s in owners.chain(str(tmp_path))]


@as_root
@pytest.mark.parametrize("above", [0, 1, 2])
def test_every_folder_above_counts(tmp_path, above) -> None:
    path = tmp_path / "a" / "b" / "c"
    path.mkdir(parents=True)
    assert owners.first_problem(str(path)) == ("", "")
    place = [path, *path.parents][above]
    os.chown(place, STRANGER, -1)
    assert owners.first_problem(str(path)) == (str(place), owners.FOREIGN)
    os.chown(place, 0, STRANGER)
    place.chmod(0o775)
    assert owners.first_problem(str(path)) == (str(place), owners.OPEN)


@as_root
def test_a_link_of_another_user_could_lead_elsewhere_tomorrow(tmp_path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    os.lchown(tmp_path / "link", STRANGER, STRANGER)
    assert owners.first_problem(str(tmp_path / "link" / "x")) == (str(tmp_path / "link"), owners.FOREIGN)


def test_whoever_lies_outside_a_namespace_stands_for_root_there_alone(monkeypatch) -> None:
    monkeypatch.setattr(owners, "in_namespace", lambda: True)
    assert owners.OUTSIDE in owners.trusted()
    monkeypatch.setattr(owners, "in_namespace", lambda: False)
    assert owners.OUTSIDE not in owners.trusted()


def test_a_namespace_is_told_by_its_map(monkeypatch, tmp_path) -> None:
    real, reported = open, tmp_path / "uid_map"
    monkeypatch.setattr("builtins.open", lambda _path, **options: real(reported, **options))
    assert not owners.in_namespace()  # there is no such file elsewhere than on Linux
    reported.write_text("         0          0 4294967295\n")
    assert not owners.in_namespace()
    reported.write_text("         0     100000      65536\n")
    assert owners.in_namespace()
