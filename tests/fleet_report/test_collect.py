"""The table of many statements: what counts, what is named, what differs from most."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from fleet import enrolled
from fleet.collect import Request, collect
from fleet.judging import Wanted
from fleet.memory import Memory
from fleet.statement import RECEIPT, REPORT
from shared.errors import UsageError
from tests.fleet_report import made
from tests.fleet_report.made import NOW, Host, enroll


@pytest.fixture
def folder(tmp_path):
    made_folder = tmp_path / "statements"
    made_folder.mkdir()
    return made_folder


def gathered(folder, *hosts, memory=None, wanted=None, max_age=None):
    keys = enrolled.read(enroll(folder.parent / "allowed_signers", *hosts)) if hosts else None
    return collect(folder, Request(keys, wanted or Wanted(now=NOW), memory or Memory(), max_age))


def refused(fleet) -> list[tuple[str, str]]:
    return [(one.kind, one.file) for one in fleet.refused]


def test_one_row_from_the_latest_receipt_and_report(folder) -> None:
    host = Host("host-1")
    host.put(folder, host.says(1, made.RECEIPT_FACTS))
    host.put(folder, host.says(2, made.REPORT), name="yesterday")
    host.put(folder, host.says(3, made.GOOD), name="today")
    fleet, last = gathered(folder, host)
    (row,) = fleet.rows
    assert (row.asset, row.product, row.version, row.status, row.problems) == (
        *("host-1", "tiny-app", "1.2.3", "EXCELLENT"),
        (),
    )
    assert (row.installed, row.sequence, row.advisories_days(NOW)) == (made.RECEIPT_FACTS.installed, 3, 12)
    assert (refused(fleet), fleet.absent, fleet.superseded, fleet.verified) == ([], (), 1, True)
    assert sorted(one.sequence for one in last.values()) == [1, 3]


def test_the_worst_finding_comes_first(folder) -> None:
    host = Host("host-1")
    host.put(folder, host.says(1, made.REPORT))
    (row,) = gathered(folder, host)[0].rows
    assert row.worst == made.PROBLEM


def test_each_bad_file_is_named(folder) -> None:
    host, stranger = Host("host-1"), Host("host-2")
    host.put(folder, name="good")
    stranger.put(folder, name="stranger")
    host.put(folder, name="unsigned").with_name("unsigned.json.sig").unlink()
    altered = host.put(folder, name="altered")
    altered.write_bytes(altered.read_bytes().replace(b"EXCELLENT", b"GOOD"))
    host.put(folder, host.says(asset="host-9"), name="other-asset")
    host.put(folder, host.says(keyid="0" * 16), name="other-key")
    (folder / "foreign.json").write_text('{"matches": [], "source": {}}')
    (folder / "large.json").write_bytes(b" " * (65 << 10))
    (folder / "link.json").symlink_to(folder / "good.json")
    os.mkfifo(folder / "pipe.json")
    host.put_bytes(folder, b'{"predicateType": "urn:ragtrace:report:v1"}', "malformed", REPORT)
    host.put_bytes(folder, host.says().to_bytes(), "as-receipt", RECEIPT)
    (folder / "notes.txt").write_text("not a statement, and not named like one")
    fleet, _last = gathered(folder, host)
    assert [row.asset for row in fleet.rows] == ["host-1"]
    assert refused(fleet) == [
        ("altered", "altered.json"),
        ("altered", "other-key.json"),
        ("foreign", "foreign.json"),
        ("malformed", "as-receipt.json"),
        ("malformed", "malformed.json"),
        ("not-enrolled", "stranger.json"),
        ("not-regular", "link.json"),
        ("not-regular", "pipe.json"),
        ("other-asset", "other-asset.json"),
        ("too-large", "large.json"),
        ("unsigned", "unsigned.json"),
    ]


def test_subfolders_are_read_and_links_to_folders_are_not(folder, tmp_path) -> None:
    host = Host("host-1")
    (folder / "site" / "hall").mkdir(parents=True)
    host.put(folder / "site" / "hall")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Host("host-2").put(elsewhere)
    (folder / "linked").symlink_to(elsewhere)
    fleet, _last = gathered(folder, host)
    assert ([row.asset for row in fleet.rows], refused(fleet)) == (["host-1"], [])


def test_another_product_and_an_answer_to_another_request(folder) -> None:
    host, other = Host("host-1"), Host("host-2")
    host.put(folder, host.says(nonce="n-2"))
    other.put(folder, other.says(installed=replace(made.INSTALLED, product="other-app"), nonce="n-2"))
    stale = Host("host-3")
    stale.put(folder, stale.says(nonce="n-1"))
    fleet, _last = gathered(folder, host, other, stale, wanted=Wanted("n-2", "tiny-app", NOW))
    assert refused(fleet) == [("other-nonce", "host-3-report.json"), ("other-product", "host-2-report.json")]
    assert fleet.absent == ("host-2", "host-3")


@pytest.mark.parametrize(
    "clone",
    [
        {"hostname": "host-2"},
        {"machine_id": "fedcba9876543210"},
        {"prefix": "/srv/copy"},
        {},  # nothing but two statements with one number
    ],
)
def test_a_key_that_stands_for_two_hosts_is_named_on_both(folder, clone) -> None:
    host = Host("host-1")
    host.put(folder, host.says(4), name="one")
    host.put(folder, host.says(4 if not clone else 5, made.REPORT, **clone), name="two")
    fleet, _last = gathered(folder, host)
    assert {kind for kind, _file in refused(fleet)} == {"cloned"}
    assert len(refused(fleet)) == len(fleet.rows) == (2 if clone else 1)
    assert all(row.notes == ("cloned",) for row in fleet.rows)


def test_a_key_that_is_enrolled_for_two_assets_is_named(folder) -> None:
    host = Host("host-1")
    host.put(folder)
    twin = Host("host-2", host.signer)
    fleet, _last = gathered(folder, host, twin)
    assert refused(fleet) == [("cloned", "host-1-report.json")]


def test_two_installations_on_one_host_are_no_clones(folder) -> None:
    one = Host("host-1")
    other = Host("host-1", one.signer, installation="ffffffffffffffff", prefix="/srv/other")
    one.put(folder, name="one")
    other.put(folder, name="other")
    fleet, _last = gathered(folder, one)
    assert ([row.prefix for row in fleet.rows], refused(fleet)) == (["/srv/app", "/srv/other"], [])


def test_an_older_statement_than_before_is_named_and_the_same_is_not(folder) -> None:
    host = Host("host-1")
    host.put(folder, host.says(5), name="old")
    _fleet, last = gathered(folder, host)
    memory = Memory().raised(last)
    fleet, _last = gathered(folder, host, memory=memory)
    assert refused(fleet) == []
    host.put(folder, host.says(6), name="new")
    memory = memory.raised(gathered(folder, host, memory=memory)[1])
    (folder / "new.json").unlink()
    fleet, _last = gathered(folder, host, memory=memory)
    assert (refused(fleet), fleet.rows[0].notes) == ([("older", "old.json")], ("older",))
    host.put(folder, host.says(6, made.REPORT), name="fork")
    assert refused(gathered(folder, host, memory=memory)[0]) == [("cloned", "fork.json")]


def test_a_clone_that_replaces_the_file_of_the_original_is_named(folder) -> None:
    host = Host("host-1")
    host.put(folder, host.says(5))
    memory = Memory().raised(gathered(folder, host)[1])
    host.put(folder, host.says(6, machine_id="fedcba9876543210"))
    assert refused(gathered(folder, host, memory=memory)[0]) == [("cloned", "host-1-report.json")]


def test_memory_never_becomes_lower_and_is_read_again(folder) -> None:
    host = Host("host-1")
    host.put(folder, host.says(5))
    memory = Memory().raised(gathered(folder, host)[1])
    assert Memory.from_bytes(memory.to_bytes(), "memory", limit=10_000) == memory
    host.put(folder, host.says(4))
    assert memory.raised(gathered(folder, host)[1]) == memory


def test_assets_without_a_statement_and_hosts_that_were_not_seen_for_long(folder) -> None:
    host, away = Host("host-1"), Host("host-2")
    host.put(folder, host.says(issued=NOW - timedelta(days=8)))
    fleet, _last = gathered(folder, host, away, max_age=7)
    assert (fleet.absent, fleet.rows[0].notes) == (("host-2",), ("stale",))
    host.put(folder, host.says(issued=NOW + timedelta(days=2)))
    assert gathered(folder, host, max_age=7)[0].rows[0].notes == ("clock",)


def test_what_differs_from_most(folder) -> None:
    hosts = [Host(f"host-{number}") for number in range(5)]
    repaired = replace(made.INSTALLED, release="5-0123456789ab-r2")
    warned = replace(made.GOOD, status="GOOD", problems=(replace(made.PROBLEM, check_id="system.disk", status="WARN"),))
    for host in hosts[:3]:
        host.put(folder, host.says(1, warned, installed=repaired if host is hosts[0] else made.INSTALLED))
    older = replace(made.INSTALLED, version="1.0", release="3-aaaaaaaaaaaa-r1")
    hosts[3].put(folder, hosts[3].says(1, replace(made.REPORT, python_version="3.9.2"), installed=older))
    hosts[4].put(folder, hosts[4].says(1, made.GOOD, installed=replace(made.INSTALLED, product="other")))
    fleet, _last = gathered(folder, *hosts)
    differences = {row.asset: [(one.field, one.here, one.most) for one in row.differs] for row in fleet.rows}
    assert differences == {
        "host-0": [],
        "host-1": [],
        "host-2": [],
        "host-3": [
            ("version", "1.0", "1.2.3"),
            ("release", "3-aaaaaaaaaaaa", "5-0123456789ab"),
            ("python", "3.9.2", "3.11.2"),
            ("check:security.advisories", "FAIL", "PASS"),
        ],
        "host-4": [],
    }
    assert fleet.most["tiny-app"]["check:system.disk"] == "WARN"
    assert fleet.common == [("system.disk", "WARN", 3), ("security.advisories", "FAIL", 1)]


def test_without_keys_nothing_is_verified(folder) -> None:
    Host("host-1").put(folder)
    fleet, _last = gathered(folder)
    assert (len(fleet.rows), fleet.verified, fleet.absent) == (1, False, ())


def test_a_folder_that_is_not_there(tmp_path) -> None:
    with pytest.raises(UsageError, match="none"):
        collect(tmp_path / "none", Request(None))
