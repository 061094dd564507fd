from __future__ import annotations

import pytest

from bootstrap.bundle.advisories.exceptions import read_exceptions
from bootstrap.bundle.advisories.snapshot import read_snapshot
from bootstrap.bundle.policy import NAMESPACES
from bootstrap.bundle.signature import verify
from builder.cli import main
from builder.sign import generate_key
from tests.advisories import RECORDS, write_export
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
    assert "7 live, 1 withdrawn, 1 undecided, of 7 packages" in capsys.readouterr().out
    assert main(["advisories", "show", "a.zip", "--json"]) == 0
    assert validated("builder-advisories", capsys.readouterr().out)["sha256"] == snapshot.sha256
    assert main(["advisories", "show", "a.zip"]) == 0
    assert "2026-05-30T10:00:00Z" in capsys.readouterr().out


def test_import_again(tmp_path, capsys):
    export = write_export(tmp_path / "all.zip")
    assert main(["advisories", "import", str(export), "--quiet"]) == 0
    assert main(["advisories", "import", str(export), "--quiet"]) == 2
    assert "not above the former" in capsys.readouterr().err
    assert main(["advisories", "import", str(export), "--sequence", "1780315201", "--json", "--quiet"]) == 0
    assert validated("builder-advisories", capsys.readouterr().out)["sequence"] == 1780315201
    few = write_export(tmp_path / "few.zip", RECORDS[:3])
    before = (tmp_path / "advisories.zip").read_bytes()
    assert main(["advisories", "import", str(few), "--sequence", "1780315202", "--quiet"]) == 7
    assert "5 %" in capsys.readouterr().err
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
    assert "not within 180 days" in capsys.readouterr().err
    assert not (tmp_path / "ex.json").exists()


def test_only_documents_are_signed(tmp_path, key, capsys):
    (tmp_path / "x").write_text("hello")
    assert main(["advisories", "sign", "x", "--sign-key", "key"]) == 3
    assert main(["advisories", "sign", "none", "--sign-key", "key"]) == 2
