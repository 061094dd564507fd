from __future__ import annotations

from datetime import datetime, timezone

import pytest

from builder.advisories.osv import advisories_of, summary_of
from builder.advisories.records import read_export
from shared.errors import BuildError
from tests.advisories import NOW, RECORDS, below, record, write_export


def test_counts(tmp_path):
    export = read_export(write_export(tmp_path / "all.zip"), NOW)
    assert export.counts == {
        "records": 8,
        "live": 7,
        "withdrawn": 1,
        "set_aside": 0,
        "undecided": 1,
        "possible": 1,
        "unscored": 3,
        "packages": 7,
    }
    assert export.known_until == datetime(2026, 5, 30, 10, tzinfo=timezone.utc)
    assert "TEST-6" not in [one.id for one in export.packages["demo-base"]]


def test_what_claims_to_come_later_says_nothing_of_age(tmp_path):
    export = write_export(tmp_path / "all.zip", (RECORDS[0], RECORDS[6]))
    assert read_export(export, NOW).known_until == datetime(2026, 5, 30, 10, tzinfo=timezone.utc)


def test_advisory_of_a_record():
    (advisory,) = advisories_of(RECORDS[0]).values()
    assert (advisory.id, advisory.aliases, advisory.severity, advisory.score) == (
        *("TEST-1", ("CVE-2026-0001",), "high", 7.5),
    )
    assert [str(one) for one in advisory.affected] == ["[0.dev0,1.3)"]
    assert advisory.fixed == ("1.3",)


def test_names_are_normalised():
    assert list(advisories_of(RECORDS[2])) == ["other-thing"]


def test_other_ecosystems_are_left_out():
    other = record("X-1", "lodash", *below("1.0"))
    other["affected"][0]["package"]["ecosystem"] = "npm"
    assert advisories_of(other) == {}


def test_an_empty_date_takes_nothing_back(tmp_path):
    stored = record("X-1", "lib", *below("1.0"), withdrawn=None)
    found = read_export(write_export(tmp_path / "all.zip", (stored,)), NOW)
    assert (found.counts["live"], found.counts["withdrawn"], list(found.packages)) == (1, 0, ["lib"])


def test_two_blocks_of_one_package():
    two = record("X-1", "lib", *below("1.0"))
    two["affected"].append(record("X-1", "Lib", {"introduced": "2.0"}, {"fixed": "2.1"})["affected"][0])
    (advisory,) = advisories_of(two).values()
    assert [str(one) for one in advisory.affected] == ["[0.dev0,1.0)", "[2.0,2.1)"]


def test_malicious_packages_are_critical():
    (advisory,) = advisories_of(record("MAL-2026-1", "evil", {"introduced": "0"})).values()
    assert (advisory.severity, advisory.score) == ("critical", None)


@pytest.mark.parametrize(
    ("event", "interval"),
    [
        ({"last_affected": "2.9.0-NA"}, "[0.dev0,2.9.0]"),
        ({"fixed": "2.9.0-na"}, "[0.dev0,2.9.0)"),
        ({"last_affected": "2.6.0-cu124"}, "[0.dev0,2.6.0]"),
        ({"last_affected": "2.6.0+cu124"}, "[0.dev0,2.6.0]"),
        ({"last_affected": "0.2.0-alpha\\.33"}, "[0.dev0,0.2.0a33]"),
    ],
)
def test_repaired_bounds(event, interval):
    (advisory,) = advisories_of(record("X-1", "lib", {"introduced": "0"}, event)).values()
    assert [str(one) for one in advisory.affected] == [interval]
    assert not advisory.undecided


@pytest.mark.parametrize(
    "events",
    [
        [{"introduced": "0"}, {"fixed": "2.6.0-cu124"}],
        [{"introduced": "0"}, {"fixed": "2.6.0+cu124"}],
        [{"introduced": "0"}, {"last_affected": "2024-09-25"}],
        [{"introduced": "0"}, {"fixed": "7.2.0-12.1"}],
        [{"introduced": "0"}, {"limit": "2.0"}],
    ],
)
def test_bounds_that_are_not_certain(events):
    (advisory,) = advisories_of(record("X-1", "lib", *events, versions=("1.0",))).values()
    assert advisory.undecided
    assert advisory.affected == ()
    assert advisory.versions == ("1.0",)


def test_ranges_of_commits_alone_decide_nothing():
    only = record("X-1", "lib")
    only["affected"][0]["ranges"] = [{"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "abc"}]}]
    (advisory,) = advisories_of(only).values()
    assert "no versions" in advisory.undecided


@pytest.mark.parametrize("events", [[{"fixed": "1.0"}], [], [{"last_affected": "1.0"}, {"fixed": "2.0"}]])
def test_ranges_that_nothing_opens_are_undecided(events):
    only = record("X-1", "lib", versions=("0.5",))
    only["affected"][0]["ranges"] = [{"type": "ECOSYSTEM", "events": events}]
    (advisory,) = advisories_of(only).values()
    assert "without an introduced" in advisory.undecided
    assert advisory.versions == ("0.5",)


def test_a_block_without_versions_is_undecided_beside_one_that_has_some():
    two = record("X-1", "lib", *below("1.0"))
    two["affected"].append({"package": {"ecosystem": "PyPI", "name": "lib"}})
    (advisory,) = advisories_of(two).values()
    assert "no versions" in advisory.undecided
    assert [str(one) for one in advisory.affected] == ["[0.dev0,1.0)"]


def test_lists_that_the_schema_lets_be_null():
    one = {**record("X-1", "lib", *below("1.0")), "aliases": None, "severity": None, "related": None}
    (advisory,) = advisories_of(one).values()
    assert (advisory.aliases, advisory.score, advisory.undecided) == ((), None, "")


def test_ranges_of_another_kind_are_undecided():
    only = record("X-1", "lib", *below("1.0"))
    only["affected"][0]["ranges"][0]["type"] = "SEMVER"
    (advisory,) = advisories_of(only).values()
    assert "SEMVER" in advisory.undecided


@pytest.mark.parametrize(
    ("more", "summary"),
    [
        ({"summary": "Short\n and\tclear \x1b[31m"}, "Short and clear [31m"),
        ({"summary": "", "details": "x" * 500}, "x" * 159 + "…"),
        ({"summary": ""}, ""),
    ],
)
def test_summary(more, summary):
    assert summary_of({**more}) == summary


def damaged(path, keep):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


@pytest.mark.parametrize("keep", [0, 0.3, 0.9])
def test_cut_short(tmp_path, keep):
    with pytest.raises(BuildError, match="not a complete export"):
        read_export(damaged(write_export(tmp_path / "all.zip"), keep), NOW)


def test_flipped_byte(tmp_path):
    path = write_export(tmp_path / "all.zip")
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(BuildError, match=r"all\.zip"):
        read_export(path, NOW)


def test_nothing_in_it(tmp_path):
    with pytest.raises(BuildError, match="no advisory"):
        read_export(write_export(tmp_path / "all.zip", ()), NOW)
    with pytest.raises(BuildError, match="no advisory"):
        read_export(write_export(tmp_path / "all.zip", (RECORDS[5],)), NOW)


def test_missing(tmp_path):
    with pytest.raises(BuildError, match=r"none\.zip"):
        read_export(tmp_path / "none.zip", NOW)
