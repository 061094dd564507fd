"""Snapshots of advisories: made, compared with the last one, shown and signed."""

from __future__ import annotations

import json

import pytest

from builder.cli import main
from bundle.advisories.snapshot import read_snapshot
from bundle.signing.policy import NAMESPACES
from bundle.signing.signature import verify
from tests.advisories import RECORDS, below, record, write_export
from tests.schemas import validated
from tests.servers import serve

pytestmark = pytest.mark.usefixtures("desk")


def test_import_and_show(tmp_path, signer, capsys):
    export = write_export(tmp_path / "all.zip")
    assert main(["advisories", "import", str(export), "--output", "a.zip", "--sign-key", "key", "--quiet"]) == 0
    data = (tmp_path / "a.zip").read_bytes()
    snapshot = read_snapshot(data)
    assert snapshot.header.source == "all.zip"
    assert snapshot.header.sequence == 1780315200
    signature = (tmp_path / f"a.zip.{signer.keyid}.sig").read_bytes()
    assert verify(signature, data, NAMESPACES["advisories"]) == signer
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


def test_sign_later(tmp_path, signer, capsys):
    export = write_export(tmp_path / "all.zip")
    assert main(["advisories", "import", str(export), "--quiet"]) == 0
    assert main(["advisories", "sign", "advisories.zip", "--sign-key", "key"]) == 0
    assert (tmp_path / f"advisories.zip.{signer.keyid}.sig").is_file()


def test_only_documents_are_signed(tmp_path, signer, capsys):
    (tmp_path / "x").write_text("hello")
    assert main(["advisories", "sign", "x", "--sign-key", "key"]) == 3
    assert main(["advisories", "sign", "none", "--sign-key", "key"]) == 2


def make(export, *more):
    return main(["advisories", "import", str(export), "--quiet", *more])


def test_the_last_snapshot_of_a_key_is_remembered(tmp_path, signer, capsys):
    """Without --former, and with another output."""
    many = tuple(record(f"TEST-{number}", f"lib-{number}", *below("1.0")) for number in range(40))
    export = write_export(tmp_path / "all.zip", many)
    assert make(export, "--output", "a.zip", "--sign-key", "key") == 0
    (tmp_path / "a.zip").unlink()
    few = write_export(tmp_path / "few.zip", many[:37])
    assert make(few, "--output", "b.zip", "--sign-key", "key") == 7
    shown = capsys.readouterr().err
    assert "TEST-37 (lib-37), TEST-38 (lib-38), TEST-39 (lib-39)" in shown
    assert "all advisories of 3 packages are missing: lib-37, lib-38, lib-39" in shown
    assert not (tmp_path / "b.zip").exists()
    others = tuple(record(f"NEW-{number}", f"new-{number}", *below("1.0")) for number in range(3))
    swapped = write_export(tmp_path / "swapped.zip", (*many[:37], *others))  # as many as before
    assert make(swapped, "--output", "b.zip", "--sign-key", "key") == 7
    capsys.readouterr()
    assert make(few, "--output", "b.zip", "--sign-key", "key", "--accept-drop", "--json") == 0
    (warning,) = validated("builder-advisories", capsys.readouterr().out)["warnings"]
    assert "all advisories of 3 packages are missing" in warning
    assert make(few, "--output", "c.zip", "--sign-key", "key") == 0
    assert make(write_export(tmp_path / "none.zip", many[:1]), "--output", "d.zip") == 0  # nobody signs it


def test_all_advisories_of_a_package_are_named(tmp_path, signer, capsys):
    many = tuple(record(f"TEST-{number}", f"lib-{number}", *below("1.0")) for number in range(40))
    assert make(write_export(tmp_path / "all.zip", many), "--output", "a.zip", "--sign-key", "key") == 0
    one = write_export(tmp_path / "one.zip", many[1:])
    assert main(["advisories", "import", str(one), "--output", "b.zip", "--sign-key", "key"]) == 0
    assert "all advisories of 1 package are missing: lib-0" in capsys.readouterr().err


def test_what_cannot_be_remembered_is_a_warning(tmp_path, signer, monkeypatch, capsys):
    (tmp_path / "state").write_bytes(b"no folder")
    export = write_export(tmp_path / "all.zip")
    assert main(["advisories", "import", str(export), "--output", "a.zip", "--sign-key", "key"]) == 0
    assert "cannot be compared with this one" in capsys.readouterr().err


def test_the_slip_of_a_snapshot(tmp_path, signer):
    assert make(write_export(tmp_path / "all.zip"), "--output", "a.zip", "--sign-key", "key") == 0
    slip = (tmp_path / "a.zip.slip.txt").read_text(encoding="utf-8")
    found = read_snapshot((tmp_path / "a.zip").read_bytes())
    assert f"{found.header.counts['live']} live" in slip
    assert found.sha256 in slip.replace(" ", "").replace("\n", "")
