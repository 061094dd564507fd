from __future__ import annotations

import json
import os

import pytest

from bundle.wheels import record
from installer.logs import audit_log
from installer.release.receipt import ADDED, ALTERED, MISSING, compare, parse, read_receipt
from shared.errors import TrustError


@pytest.fixture
def site(prefix):
    return prefix.active().site_packages(prefix.active().manifest().target.python)


def test_what_was_installed_is_clean(site) -> None:
    found = record.survey(site)
    assert found.clean
    assert found.owners[str(site / "tiny_math" / "text.py")] == "tiny-math"


def test_missing_altered_and_unrecorded_files(site, tmp_path) -> None:
    (site / "tiny_lib/more.py").unlink()
    (site / "tiny_math/text.py").write_text("evil\n")
    (site / "evil.py").write_text("evil\n")
    (site / "evil_package").symlink_to(tmp_path)
    (site / "__pycache__").mkdir(exist_ok=True)
    (site / "__pycache__/nobody.cpython-311.pyc").touch()
    (site / "tiny_unused.py").unlink()
    os.mkfifo(site / "tiny_unused.py")  # would never end
    found = record.survey(site)
    assert set(found.missing) == {site / "tiny_lib/more.py", site / "tiny_unused.py"}
    assert found.altered == (site / "tiny_math/text.py",)
    assert set(found.unrecorded) == {
        site / "evil.py",
        site / "evil_package",
        site / "__pycache__/nobody.cpython-311.pyc",
    }


def test_a_damaged_digest_is_no_bug(site) -> None:
    path = next(site.glob("tiny_unused-*.dist-info")) / "RECORD"
    path.write_text(path.read_text().replace("tiny_unused.py,sha256=", "tiny_unused.py,sha256=x"))
    assert site / "tiny_unused.py" in record.survey(site).altered


@pytest.mark.parametrize(("text", "plain"), [("2023.07.22", "2023.7.22"), ("1.0+cpu", "1.0+cpu"), ("odd", "odd")])
def test_versions_are_compared_in_normal_form(text, plain) -> None:
    assert record.plain_version(text) == plain


def test_a_receipt_finds_every_change(prefix) -> None:
    release = prefix.active()
    (release.app / "app.py").write_text("evil\n")
    (release.models / "tiny/config.json").unlink()
    (release.app / "planted.pyc").touch()
    os.mkfifo(release.app / "pipe")
    found = {(deviation.path, deviation.kind) for deviation in compare(release, read_receipt(release))}
    assert found == {
        ("app/app.py", ALTERED),
        ("models/tiny/config.json", MISSING),
        ("app/planted.pyc", ADDED),
        ("app/pipe", ADDED),
    }


def test_what_lies_in_a_folder_that_cannot_be_read_is_missing(prefix, monkeypatch) -> None:
    release, scandir = prefix.active(), os.scandir

    def refuse(folder):
        if str(folder).endswith("tiny_lib"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = compare(release, read_receipt(release))
    assert {deviation.kind for deviation in found} == {MISSING}
    assert {deviation.owner for deviation in found} == {"tiny-lib"}


def test_the_audit_log_is_a_chain_that_outlives_a_cut_line(prefix) -> None:
    path = audit_log.log_file(prefix)
    with path.open("a") as file:
        file.write('{"cut')
    head = audit_log.append(prefix, "test", "done")
    assert audit_log.head(prefix) == head
    assert audit_log.append(prefix, "test", "again") != head
    last, again = (json.loads(line) for line in path.read_text().splitlines()[-2:])
    assert (last["outcome"], again["outcome"], again["previous"]) == ("done", "again", head)


def test_a_name_that_no_file_can_have_is_of_no_file(tmp_path) -> None:
    assert record.sha256_of(f"{tmp_path}/x\0y") is None


@pytest.mark.parametrize(
    "wrong", [[1, "x", "y"], ["a", ["x"], "y"], ["", "x", "y"], ["a\n", "x", "y"], ["a" * 99_999, "", "y"], ["a"]]
)
def test_a_line_of_a_receipt_is_read_strictly(prefix, wrong) -> None:
    value = json.loads(prefix.active().receipt_file.read_bytes())
    value["items"].append(["a/ó", "x", "y"])
    assert parse(json.dumps(value).encode(), "receipt").items[-1] == ("a/ó", "x", "y")
    value["items"].append(wrong)
    with pytest.raises(TrustError, match=r"items\["):
        parse(json.dumps(value).encode(), "receipt")
