"""Exceptions and reasons: made in one call, from a file or a template, and what is refused."""

from __future__ import annotations

import json

import pytest
import tomllib

from builder.cli import main
from bundle.advisories.exceptions import read_exceptions
from bundle.advisories.snapshot import read_snapshot
from bundle.signing.policy import NAMESPACES
from bundle.signing.signature import verify
from tests.advisories import HIGH, RECORDS, aged_snapshot, below, record, write_export
from tests.builder.evidence_project import make_project
from tests.schemas import validated

pytestmark = pytest.mark.usefixtures("desk")


EXCEPTION = (
    *("--id", "CVE-2026-0001", "--package", "Demo_Lib", "--versions", "==1.2.0"),
    *("--justification", "vulnerable_code_not_in_execute_path", "--statement", "never called", "--approver", "kim"),
)


def test_exceptions_without_effect_are_named_when_they_are_written_and_signed(tmp_path, signer, capsys):
    (tmp_path / "a.zip").write_bytes(aged_snapshot(tmp_path, 1, RECORDS))
    wide = [">=0" if word == "==1.2.0" else word for word in EXCEPTION]
    assert main(["advisories", "except", "e.json", *wide]) == 0
    assert "has no effect: >=0 matches every version" in capsys.readouterr().out
    assert main(["advisories", "sign", "e.json", "--sign-key", "key"]) == 0
    assert ">=0 matches every version" in capsys.readouterr().out
    none = ["CVE-1999-1" if word == "CVE-2026-0001" else word for word in EXCEPTION]
    assert main(["advisories", "except", "f.json", *none]) == 0
    assert "has no effect" not in capsys.readouterr().out
    assert main(["advisories", "except", "f.json", *none, "--advisories", "a.zip"]) == 0
    assert "contain no such identifier" in capsys.readouterr().out
    assert main(["advisories", "sign", "f.json", "--sign-key", "key", "--advisories", "a.zip"]) == 0
    assert "contain no such identifier" in capsys.readouterr().out
    assert main(["advisories", "sign", "a.zip", "--sign-key", "key"]) == 0
    assert "has no effect" not in capsys.readouterr().out


def test_exceptions(tmp_path, signer, capsys):
    assert main(["advisories", "except", "e.json", *EXCEPTION]) == 0
    found = read_exceptions((tmp_path / "e.json").read_bytes())
    (exemption,) = found.exceptions
    assert (exemption.package, exemption.approver, found.sequence) == ("demo-lib", "kim", 1780315200)
    assert (exemption.expires - exemption.approved).days == 90
    assert main(["advisories", "sign", "e.json", "--sign-key", "key"]) == 0
    signature = tmp_path / f"e.json.{signer.keyid}.sig"
    assert verify(signature.read_bytes(), found.to_bytes(), NAMESPACES["exceptions"]) == signer
    # a change needs a new signature, and takes the place of what it changes
    assert main(["advisories", "except", "e.json", *EXCEPTION, "--days", "10"]) == 0
    assert not signature.exists()
    assert main(["advisories", "except", "e.json", *EXCEPTION[:1], "CVE-2", *EXCEPTION[2:]]) == 0
    changed = read_exceptions((tmp_path / "e.json").read_bytes())
    assert [(one.id, (one.expires - one.approved).days) for one in changed.exceptions] == [
        *(("CVE-2026-0001", 10), ("CVE-2", 90)),
    ]
    assert changed.sequence == 1780315202


@pytest.mark.parametrize(
    "wrong", [("--days", "181"), ("--days", "0"), ("--versions", "1.2"), ("--statement", ""), ("--approver", "")]
)
def test_exceptions_that_are_none(tmp_path, wrong, capsys):
    assert main(["advisories", "except", "e.json", *EXCEPTION, *wrong]) == 2
    assert not (tmp_path / "e.json").exists()


@pytest.mark.parametrize("days", ["0", "-10000000", "181", "10000000", "10000000000"])
def test_exceptions_of_any_other_length(tmp_path, days, capsys):
    assert main(["advisories", "except", "ex.json", *EXCEPTION, "--days", days]) == 2
    assert "by at most 180 days" in capsys.readouterr().err
    assert not (tmp_path / "ex.json").exists()


ENTRY = """
[[exceptions]]
id = "{id}"
package = "Demo_Lib"
versions = "==1.2.0"
justification = "{justification}"
statement = "never called"
approver = "{approver}"
until = {until}
"""
FILLED = {"id": "CVE-1", "justification": "component_not_present", "approver": "kim", "until": '"2026-08-31"'}


def entries(path, *changes):
    path.write_text("".join(ENTRY.format(**{**FILLED, **change}) for change in changes))
    return str(path)


def test_several_identifiers_in_one_call(tmp_path):
    assert main(["advisories", "except", "e.json", *EXCEPTION, "--id", "CVE-2"]) == 0
    found = read_exceptions((tmp_path / "e.json").read_bytes())
    assert [one.id for one in found.exceptions] == ["CVE-2026-0001", "CVE-2"]
    assert {one.statement for one in found.exceptions} == {"never called"}


def test_a_file_of_entries(tmp_path):
    file = entries(tmp_path / "in.toml", {}, {"id": "CVE-2", "until": "2026-07-01"}, {"id": "CVE-3"})
    assert main(["advisories", "except", "e.json", "--from", file]) == 0
    found = read_exceptions((tmp_path / "e.json").read_bytes())
    assert [(one.id, one.package, f"{one.expires:%m-%d %H}") for one in found.exceptions] == [
        ("CVE-1", "demo-lib", "08-31 23"),
        ("CVE-2", "demo-lib", "07-01 23"),
        ("CVE-3", "demo-lib", "08-31 23"),
    ]
    # the same as JSON, which takes the place of what is there
    said = {**FILLED, "package": "demo-lib", "versions": "==1.2.0", "statement": "s", "until": "2026-06-02T00:00:00Z"}
    (tmp_path / "in.json").write_text(json.dumps({"exceptions": [said]}))
    assert main(["advisories", "except", "e.json", "--from", "in.json"]) == 0
    found = read_exceptions((tmp_path / "e.json").read_bytes())
    assert [(one.id, one.statement) for one in found.exceptions] == [
        ("CVE-2", "never called"),
        ("CVE-3", "never called"),
        ("CVE-1", "s"),
    ]


def test_the_last_day_that_is_allowed(tmp_path, capsys):
    file = entries(tmp_path / "in.toml", {"until": "2026-11-28"})  # 180 days from 2026-06-01 12:00
    assert main(["advisories", "except", "e.json", "--from", file]) == 0
    file = entries(tmp_path / "in.toml", {"until": "2026-11-29"})
    assert main(["advisories", "except", "e.json", "--from", file]) == 2
    place = "in.toml: exceptions[0] (CVE-1, Demo_Lib).expires"
    assert f"{place}: must be later than its approval, by at most 180 days" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"justification": ""}, ".justification: empty value"),
        ({"justification": "because"}, ".justification: not one of component_not_present"),
        ({"approver": "   "}, ".approver: empty value"),
        ({"until": '""'}, ".until: empty value"),
        ({"until": '"tomorrow"'}, ".until: not a time of the form"),
        ({"until": '"2026-02-30"'}, ".until: not a date of the form"),
        ({"until": "5"}, ".until: not a date of the form"),
        ({"until": "2026-07-01T00:00:00"}, ".until: time without a time zone"),
        ({"until": "2026-05-01"}, ".expires: must be later than its approval, by at most 180 days"),
        ({"id": "CVE-1"}, ": duplicate entry for the same advisory"),
        ({"until": "2026-07-01\nmore = 1"}, ".more: unknown key"),
    ],
)
def test_one_wrong_entry_is_named_and_nothing_is_written(tmp_path, capsys, change, told):
    file = entries(tmp_path / "in.toml", {}, {"id": "CVE-9", **change})
    assert main(["advisories", "except", "e.json", "--from", file]) == 2
    wrote = capsys.readouterr().err
    assert f"in.toml: exceptions[1] ({change.get('id', 'CVE-9')}, Demo_Lib){told}" in wrote
    assert "nothing was written" in wrote
    assert not (tmp_path / "e.json").exists()


def test_every_wrong_entry_is_named(tmp_path, capsys):
    file = entries(tmp_path / "in.toml", *({"id": f"CVE-{number}", "justification": ""} for number in range(22)))
    assert main(["advisories", "except", "e.json", "--from", file]) == 2
    wrote = capsys.readouterr().err
    assert wrote.count("empty value") == 20
    assert "… and 2 more" in wrote


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "missing"), ("exceptions = []", "no exception"), ("exceptions = 3", "not a list"), ("[", "cannot be read")],
)
def test_a_file_that_is_none(tmp_path, capsys, text, told):
    (tmp_path / "in.toml").write_text(text)
    assert main(["advisories", "except", "e.json", "--from", "in.toml"]) == 2
    assert told in capsys.readouterr().err
    assert main(["advisories", "except", "e.json", "--from", "none.toml"]) == 2


def test_nobody_but_a_person_says_why(tmp_path, capsys):
    for left_out in range(0, len(EXCEPTION), 2):
        assert main(["advisories", "except", "e.json", *EXCEPTION[:left_out], *EXCEPTION[left_out + 2 :]]) == 2
        assert EXCEPTION[left_out] in capsys.readouterr().err
    assert main(["advisories", "except", "e.json", *EXCEPTION, "--statement", "  "]) == 2
    file = entries(tmp_path / "in.toml", {})
    assert main(["advisories", "except", "e.json", "--from", file, "--approver", "kim"]) == 2
    assert not (tmp_path / "e.json").exists()


FOUND = (
    record("TEST-1", "given", *below("2.0"), vector=HIGH, summary='a\n"b"\n[[exceptions]]'),
    record("TEST-2", "plain", *below("3.0")),
    record("TEST-3", "absent", *below("3.0")),
)


def test_a_template_is_refused_until_it_is_filled_in(tmp_path, capsys):
    project = make_project(tmp_path / "project")
    (tmp_path / "a.zip").write_bytes(aged_snapshot(tmp_path, 1, FOUND))
    argv = ["advisories", "template", "--advisories", "a.zip", "--project-root", str(project)]
    argv += ["--target", "linux-x86_64", "--target", "windows-amd64", "--python", "3.11"]
    assert main(argv) == 0
    text = capsys.readouterr().out
    assert [(one["id"], one["versions"]) for one in tomllib.loads(text)["exceptions"]] == [
        ("TEST-1", "==1.0"),
        ("TEST-2", "==2.0"),
    ]
    assert main([*argv, "--output", "in.toml"]) == 0
    assert (tmp_path / "in.toml").read_text() == text
    capsys.readouterr()
    assert main(["advisories", "except", "e.json", "--from", "in.toml"]) == 2
    assert capsys.readouterr().err.count("justification: empty value") == 2
    filled = text
    for key, said in (("justification", "component_not_present"), ("statement", "s"), ("approver", "k")):
        filled = filled.replace(f'{key} = ""', f'{key} = "{said}"')
    (tmp_path / "in.toml").write_text(filled.replace('until = ""', "until = 2026-07-01"))
    assert main(["advisories", "except", "e.json", "--from", "in.toml"]) == 0
    capsys.readouterr()
    assert main([*argv, "--fail-on", "high"]) == 0
    assert [one["id"] for one in tomllib.loads(capsys.readouterr().out)["exceptions"]] == ["TEST-1"]


def test_a_template_leaves_out_what_is_excepted(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    project = make_project(tmp_path / "project")
    (tmp_path / "a.zip").write_bytes(aged_snapshot(tmp_path, 1, FOUND))
    said = ["--id", "TEST-1", "--package", "given", "--versions", "==1.0", *EXCEPTION[6:]]
    assert main(["advisories", "except", "e.json", *said]) == 0
    capsys.readouterr()
    argv = ["advisories", "template", "--advisories", "a.zip", "--exceptions", "e.json", "--project-root", str(project)]
    assert main(argv) == 0
    assert [one["id"] for one in tomllib.loads(capsys.readouterr().out)["exceptions"]] == ["TEST-2"]


SAID = ("--statement", "a duplicate", "--approver", "kim")


def test_reasons(tmp_path, signer, capsys):
    export = write_export(tmp_path / "all.zip")
    assert main(["advisories", "import", str(export), "--output", "a.zip", "--quiet"]) == 0
    snapshot = read_snapshot((tmp_path / "a.zip").read_bytes())
    call = ["advisories", "except", "e.json"]
    assert main([*call, "--removed", "a.zip", "--id", "X-1", "--id", "X-2", "--package", "Demo_Lib", *SAID]) == 0
    assert main([*call, "--removed", "a.zip", "--id", "X-1", "--package", "*", "--days", "30", *SAID]) == 0
    assert main([*call, "--snapshot", "a.zip", *SAID]) == 0
    found = read_exceptions((tmp_path / "e.json").read_bytes())
    assert found.written_format() == 2
    assert [(one.id, one.package, one.sequence, one.expires is None) for one in found.removals] == [
        ("X-1", "demo-lib", snapshot.header.sequence - 1, True),
        ("X-2", "demo-lib", snapshot.header.sequence - 1, True),
        ("X-1", "*", snapshot.header.sequence - 1, False),
    ]
    assert [one.sha256 for one in found.snapshots] == [snapshot.sha256]
    capsys.readouterr()
    assert main(["advisories", "show", "e.json"]) == 0
    shown = capsys.readouterr().out
    assert (
        f"removal of X-1 in demo-lib up to sequence {snapshot.header.sequence - 1}, without an expiry date: a dupl"
        in shown
    )
    assert f"removal of X-1 in * up to sequence {snapshot.header.sequence - 1}, until 2026-07-01: a dupl" in shown
    assert f"acceptance of snapshot {snapshot.sha256}" in shown
    assert main(["advisories", "sign", "e.json", "--sign-key", "key"]) == 0
    capsys.readouterr()
    assert main(["advisories", "show", "e.json", "--json"]) == 0
    assert len(validated("builder-advisories", capsys.readouterr().out)["removals"]) == 3
    assert main([*call, *EXCEPTION]) == 0
    assert len(read_exceptions((tmp_path / "e.json").read_bytes()).removals) == 3


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--removed", "a.zip", "--id", "X-1", *SAID), "--package"),
        (("--snapshot", "a.zip", "--approver", "kim"), "--statement"),
        (("--snapshot", "a.zip", "--id", "X-1", *SAID), "cannot be combined with --id"),
        (("--removed", "a.zip", "--id", "X-1", "--package", "p", "--versions", "==1", *SAID), "--versions"),
        (("--removed", "a.zip", "--id", "X-1", "--package", "p", "--days", "999", *SAID), "at most 180 days"),
        (("--snapshot", "a.zip", "--days", "999", *SAID), "at most 180 days"),
        (("--snapshot", "none.zip", *SAID), "none.zip"),
    ],
)
def test_a_wrong_reason(tmp_path, capsys, words, expected):
    export = write_export(tmp_path / "all.zip")
    assert main(["advisories", "import", str(export), "--output", "a.zip", "--quiet"]) == 0
    assert main(["advisories", "except", "e.json", *words]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "e.json").exists()
