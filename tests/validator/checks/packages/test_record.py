from __future__ import annotations

import errno
import os
from dataclasses import replace

import pytest

from bundle.wheels.record import recorded
from shared import reading
from shared.errors import HostError
from tests.installed import APPLICATION, make_prefix
from tests.validator.checking import change, look, site_of
from validator.check import ERROR, FAIL, PASS, SKIP
from validator.checks.packages.record import Record


def test_passes_on_what_was_shipped(prefix) -> None:
    result = look(Record, prefix)
    assert result.status == PASS
    assert "2 packages" in result.details


def test_names_a_missing_file_with_its_package(prefix) -> None:
    (site_of(prefix) / "demo_lib" / "table.txt").unlink()
    result = look(Record, prefix)
    assert result.status == FAIL
    assert "demo_lib/table.txt (demo-lib)" in result.details
    assert result.evidence["packages"] == ["demo-lib"]
    assert [path.rpartition("/")[2] for path in result.evidence["missing"]] == ["table.txt"]
    assert "recover" in result.command


def test_names_an_altered_file_with_its_package(prefix) -> None:
    change(site_of(prefix) / "demo_base.py", b"NAME = 'evil'\n")
    result = look(Record, prefix)
    assert result.status == FAIL
    assert "altered" in result.details
    assert "demo_base.py (demo-base)" in result.details
    assert result.evidence["packages"] == ["demo-base"]


def test_names_a_file_that_nobody_recorded(prefix) -> None:
    (site_of(prefix) / "planted.pth").write_text("import os\n")
    result = look(Record, prefix)
    assert result.status == FAIL
    assert "planted.pth" in result.details
    assert result.evidence["unrecorded"][0].endswith("site-packages/planted.pth")


def test_names_the_package_whose_record_is_missing(prefix) -> None:
    (site_of(prefix) / "demo_base-2.0.1.dist-info" / "RECORD").unlink()
    result = look(Record, prefix)
    assert result.status == FAIL
    assert result.evidence == {"packages": ["demo-base"]}


@pytest.mark.parametrize("content", [b"demo_base.py,sha256=a,1\n", b"\xff\n", b""])
def test_a_record_of_nonsense_fails(prefix, content) -> None:
    change(site_of(prefix) / "demo_base-2.0.1.dist-info" / "RECORD", content)
    result = look(Record, prefix)
    assert result.status == FAIL
    assert "demo_base" in result.details


def test_a_bundle_without_packages_is_skipped(tmp_path) -> None:
    bare = replace(APPLICATION, core_imports=(), smoke=())
    assert look(Record, make_prefix(tmp_path, wheels=(), application=bare)).status == SKIP


def test_an_empty_environment_is_not_a_clean_one(prefix) -> None:
    site = site_of(prefix)
    site.rename(site.with_name("elsewhere"))
    result = look(Record, prefix)
    assert result.status == FAIL
    assert result.evidence["packages"] == ["demo-base", "demo-lib"]


def test_nothing_installed_is_skipped_and_a_broken_manifest_is_an_error(prefix) -> None:
    skipped = look(Record, None)
    assert (skipped.status, skipped.details) == (SKIP, "nothing is installed")
    active = prefix.active()
    change(active.bundle / "MANIFEST.json", b"{}")
    broken = look(Record, prefix)
    assert broken.status == ERROR
    assert "MANIFEST.json" in broken.details


def test_a_record_that_cannot_be_read_is_named_with_the_reason(prefix, monkeypatch) -> None:
    site = site_of(prefix)
    change(site / "demo_base-2.0.1.dist-info" / "RECORD", b"\xff\n")
    with pytest.raises(HostError, match=r"RECORD is damaged: not valid UTF-8\.") as damaged:
        recorded(site)
    assert damaged.value.advice == "Run recover to reinstall demo-base."

    def refuse(path, _limit):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(reading, "read", refuse)
    with pytest.raises(HostError, match=r"RECORD cannot be read: Input/output error\."):
        recorded(site)
