from __future__ import annotations

import json

import pytest
import tomllib

from builder.cli import main
from builder.signing.sign import generate_key
from bundle.advisories.exceptions import read_exceptions
from bundle.advisories.snapshot import read_snapshot
from bundle.signing.policy import NAMESPACES
from bundle.signing.signature import verify
from tests.advisories import HIGH, RECORDS, aged_snapshot, below, record, write_export
from tests.builder.evidence_project import make_project
from tests.schemas import validated
from tests.servers import serve

EXCEPTION = (
    *("--id", "CVE-2026-0001", "--package", "Demo_Lib", "--versions", "==1.2.0"),
    *("--justification", "vulnerable_code_not_in_execute_path", "--statement", "never called", "--approver", "kim"),
)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1780315200")  # 2026-06-01 12:00
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def key(tmp_path):
    return generate_key(tmp_path / "key", None)


def test_import_and_show(tmp_path, key, capsys):
    export = write_export(tmp_path / "all.zip")
    assert main(["advisories", "import", str(export), "--output", "a.zip", "--sign-key", "key", "--quiet"]) == 0
    data = (tmp_path / "a.zip").read_bytes()
    snapshot = read_snapshot(data)
    assert snapshot.header.source == "all.zip"
    assert snapshot.header.sequence == 1780315200
    signature = (tmp_path / f"a.zip.{key.keyid}.sig").read_bytes()
    assert verify(signature, data, NAMESPACES["advisories"]) == key
    assert "7 live, 1 withdrawn, 1 undecided, 0 set aside, for 7 packages" in capsys.readouterr().out
    assert main(["advisories", "show", "a.zip", "--json"]) == 0
    assert validated("builder-advisories", capsys.readouterr().out)["sha256"] == snapshot.sha256
    assert main(["advisories", "show", "a.zip"]) == 0
    assert "2026-05-30T10:00:00Z" in capsys.readouterr().out


def test_what_was_set_aside_is_named(tmp_path, capsys):
    broken = ({**RECORDS[0], "id": "BAD-1", "summary": 7}, *RECORDS)
    export = write_export(tmp_path / "all.zip", broken)
    line = "set aside BAD-1: the record breaks the OSV schema: summary is not a string; undecided: demo-lib"
    assert main(["advisories", "import", str(export), "--quiet"]) == 0
    assert line in capsys.readouterr().out
    assert main(["advisories", "show", "advisories.zip"]) == 0
    assert line in capsys.readouterr().out
    assert main(["advisories", "show", "advisories.zip", "--json"]) == 0
    (one,) = validated("builder-advisories", capsys.readouterr().out)["set_aside"]
    assert (one["id"], one["packages"]) == ("BAD-1", ["demo-lib"])


def write_catalogues(folder):
    entry = {"cveID": "CVE-2026-0001", "dateAdded": "2026-05-01"}
    released = {"count": 1, "dateReleased": "2026-05-30T14:00:00.000Z", "vulnerabilities": [entry]}
    (folder / "kev.json").write_text(json.dumps(released))
    (folder / "epss.csv").write_text("#score_date:2026-05-31\ncve,epss,percentile\nCVE-2026-0001,0.9,0.99\n")
    return ["--kev", "kev.json", "--epss", "epss.csv"]


def test_what_is_known_of_exploitation(tmp_path, capsys):
    export = write_export(tmp_path / "all.zip")
    assert main(["advisories", "import", str(export), *write_catalogues(tmp_path), "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "KEV:        1 CVE known to be exploited, as of 2026-05-30" in shown
    assert "EPSS:       1 CVE, as of 2026-05-31" in shown
    assert main(["advisories", "show", "advisories.zip", "--json"]) == 0
    found = validated("builder-advisories", capsys.readouterr().out)
    assert (found["kev"], found["epss"]) == ({"date": "2026-05-30", "cves": 1}, {"date": "2026-05-31", "cves": 1})
    assert main(["advisories", "import", str(export), "--sequence", "1780315201"]) == 0
    shown = capsys.readouterr().err
    assert "The previous snapshot had kev.json, this one does not: specify --kev FILE." in shown
    assert "The previous snapshot had epss.csv" in shown


def test_a_bad_line_of_a_catalogue_is_named_and_nothing_is_written(tmp_path, capsys):
    export = write_export(tmp_path / "all.zip")
    options = write_catalogues(tmp_path)
    with (tmp_path / "epss.csv").open("a") as file:
        file.write("CVE-2026-0002,2.0,0.1\n")
    assert main(["advisories", "import", str(export), *options, "--quiet"]) == 7
    assert "epss.csv[4]: not cve,epss,percentile" in capsys.readouterr().err
    assert not (tmp_path / "advisories.zip").exists()


def test_exceptions_without_effect_are_named_when_they_are_written_and_signed(tmp_path, key, capsys):
    (tmp_path / "a.zip").write_bytes(aged_snapshot(tmp_path, 1, RECORDS))
    wide = [">=0" if word == "==1.2.0" else word for word in EXCEPTION]
    assert main(["advisories", "except", "e.json", *wide]) == 0
    assert "is pointless: >=0 matches every version" in capsys.readouterr().out
    assert main(["advisories", "sign", "e.json", "--sign-key", "key"]) == 0
    assert ">=0 matches every version" in capsys.readouterr().out
    none = ["CVE-1999-1" if word == "CVE-2026-0001" else word for word in EXCEPTION]
    assert main(["advisories", "except", "f.json", *none]) == 0
    assert "pointless" not in capsys.readouterr().out
    assert main(["advisories", "except", "f.json", *none, "--advisories", "a.zip"]) == 0
    assert "contain no such identifier" in capsys.readouterr().out
    assert main(["advisories", "sign", "f.json", "--sign-key", "key", "--advisories", "a.zip"]) == 0
    assert "contain no such identifier" in capsys.readouterr().out
    assert main(["advisories", "sign", "a.zip", "--sign-key", "key"]) == 0
    assert "pointless" not in capsys.readouterr().out


def test_import_again(tmp_path, capsys):
    export = write_export(tmp_path / "all.zip")
    assert main(["advisories", "import", str(export), "--quiet"]) == 0
    assert main(["advisories", "import", str(export), "--quiet"]) == 2
    assert "not higher than that of the previous" in capsys.readouterr().err
    assert main(["advisories", "import", str(export), "--sequence", "1780315201", "--json", "--quiet"]) == 0
    assert validated("builder-advisories", capsys.readouterr().out)["sequence"] == 1780315201
    few = write_export(tmp_path / "few.zip", RECORDS[:3])
    before = (tmp_path / "advisories.zip").read_bytes()
    assert main(["advisories", "import", str(few), "--sequence", "1780315202", "--quiet"]) == 7
    assert "5%" in capsys.readouterr().err
    assert (tmp_path / "advisories.zip").read_bytes() == before


def test_fetch(tmp_path, capsys):
    export = write_export(tmp_path / "all.zip").read_bytes()
    with serve({"/all.zip": export}) as site:
        url = site.url.replace("://", "://me:word@")
        assert main(["advisories", "fetch", "--url", f"{url}/all.zip?secret=1", "--quiet"]) == 0
    header = read_snapshot((tmp_path / "advisories.zip").read_bytes()).header
    assert header.source == f"{site.url}/all.zip"


def test_sign_later(tmp_path, key, capsys):
    export = write_export(tmp_path / "all.zip")
    assert main(["advisories", "import", str(export), "--quiet"]) == 0
    assert main(["advisories", "sign", "advisories.zip", "--sign-key", "key"]) == 0
    assert (tmp_path / f"advisories.zip.{key.keyid}.sig").is_file()


def test_exceptions(tmp_path, key, capsys):
    assert main(["advisories", "except", "e.json", *EXCEPTION]) == 0
    found = read_exceptions((tmp_path / "e.json").read_bytes())
    (exemption,) = found.exceptions
    assert (exemption.package, exemption.approver, found.sequence) == ("demo-lib", "kim", 1780315200)
    assert (exemption.expires - exemption.approved).days == 90
    assert main(["advisories", "sign", "e.json", "--sign-key", "key"]) == 0
    signature = tmp_path / f"e.json.{key.keyid}.sig"
    assert verify(signature.read_bytes(), found.to_bytes(), NAMESPACES["exceptions"]) == key
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


def test_only_documents_are_signed(tmp_path, key, capsys):
    (tmp_path / "x").write_text("hello")
    assert main(["advisories", "sign", "x", "--sign-key", "key"]) == 3
    assert main(["advisories", "sign", "none", "--sign-key", "key"]) == 2


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
    assert f"{place}: must be after its approval, by at most 180 days" in capsys.readouterr().err


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
        ({"until": "2026-05-01"}, ".expires: must be after its approval, by at most 180 days"),
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


def make(export, *more):
    return main(["advisories", "import", str(export), "--quiet", *more])


def test_the_last_snapshot_of_a_key_is_remembered(tmp_path, key, capsys):
    """Without --former, and with another output."""
    many = tuple(record(f"TEST-{number}", f"lib-{number}", *below("1.0")) for number in range(40))
    export = write_export(tmp_path / "all.zip", many)
    assert make(export, "--output", "a.zip", "--sign-key", "key") == 0
    (tmp_path / "a.zip").unlink()
    few = write_export(tmp_path / "few.zip", many[:37])
    assert make(few, "--output", "b.zip", "--sign-key", "key") == 7
    shown = capsys.readouterr().err
    assert "TEST-37 (lib-37), TEST-38 (lib-38), TEST-39 (lib-39)" in shown
    assert "3 packages have lost all of their advisories: lib-37, lib-38, lib-39" in shown
    assert not (tmp_path / "b.zip").exists()
    others = tuple(record(f"NEW-{number}", f"new-{number}", *below("1.0")) for number in range(3))
    swapped = write_export(tmp_path / "swapped.zip", (*many[:37], *others))  # as many as before
    assert make(swapped, "--output", "b.zip", "--sign-key", "key") == 7
    capsys.readouterr()
    assert make(few, "--output", "b.zip", "--sign-key", "key", "--accept-drop", "--json") == 0
    (warning,) = validated("builder-advisories", capsys.readouterr().out)["warnings"]
    assert "3 packages have lost" in warning
    assert make(few, "--output", "c.zip", "--sign-key", "key") == 0
    assert make(write_export(tmp_path / "none.zip", many[:1]), "--output", "d.zip") == 0  # nobody signs it


def test_all_advisories_of_a_package_are_named(tmp_path, key, capsys):
    many = tuple(record(f"TEST-{number}", f"lib-{number}", *below("1.0")) for number in range(40))
    assert make(write_export(tmp_path / "all.zip", many), "--output", "a.zip", "--sign-key", "key") == 0
    one = write_export(tmp_path / "one.zip", many[1:])
    assert main(["advisories", "import", str(one), "--output", "b.zip", "--sign-key", "key"]) == 0
    assert "1 package has lost all of its advisories: lib-0" in capsys.readouterr().err


def test_what_cannot_be_remembered_is_a_warning(tmp_path, key, monkeypatch, capsys):
    (tmp_path / "state").write_bytes(b"no folder")
    export = write_export(tmp_path / "all.zip")
    assert main(["advisories", "import", str(export), "--output", "a.zip", "--sign-key", "key"]) == 0
    assert "cannot be compared with this one" in capsys.readouterr().err


def test_the_slip_of_a_snapshot(tmp_path, key):
    assert make(write_export(tmp_path / "all.zip"), "--output", "a.zip", "--sign-key", "key") == 0
    slip = (tmp_path / "a.zip.slip.txt").read_text(encoding="utf-8")
    found = read_snapshot((tmp_path / "a.zip").read_bytes())
    assert f"{found.header.counts['live']} live" in slip
    assert found.sha256 in slip.replace(" ", "").replace("\n", "")


SAID = ("--statement", "a duplicate", "--approver", "kim")


def test_reasons(tmp_path, key, capsys):
    assert make(write_export(tmp_path / "all.zip"), "--output", "a.zip") == 0
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
    assert f"removal of X-1 in demo-lib up to sequence {snapshot.header.sequence - 1}, without an end: a dupl" in shown
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
    assert make(write_export(tmp_path / "all.zip"), "--output", "a.zip") == 0
    assert main(["advisories", "except", "e.json", *words]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "e.json").exists()
