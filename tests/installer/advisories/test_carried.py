"""What a release contains besides its application is scanned on the host, and named."""

from __future__ import annotations

import zipfile

import pytest

from bootstrap.commands.trust.advisories import scan_lines
from bundle.advisories.matcher import CPYTHON, PYTHON, TOOLS, ZIPAPP, Installed
from installer.advisories import carried as carrying
from installer.advisories.carried import carried
from installer.advisories.scan import scan_installed
from installer.release import tools_environment
from installer.release.installation import active
from tests.advisories import HIGH, RECORDS, aged_snapshot, below, record
from tests.installed import make_prefix
from tests.validator.checking import look_all, release_of
from tests.wheels import Wheel
from validator.checks.security.advisories import Advisories

TOOL = Wheel("my-tool", "1.0", {"my_tool.py": "\n"})
HARMLESS = tuple(one for one in RECORDS if one["id"] != "TEST-1")
HITS = (
    record("HIT-1", "my-tool", *below("2.0"), vector=HIGH),
    record("HIT-2", "uv", *below("99"), vector=HIGH),
)


@pytest.fixture(autouse=True)
def _trust_stores(trust_stores, monkeypatch):
    monkeypatch.setattr("validator.checks.security.advisories.host_trust_stores", lambda: trust_stores)


@pytest.fixture
def prefix(tmp_path):
    known = aged_snapshot(tmp_path, 1, (*HARMLESS, *HITS))
    return make_prefix(
        tmp_path, verification={f"tools/{TOOL.filename}": TOOL.build(), "advisories/advisories.zip": known}
    )


def installer_of(prefix, *names):
    """Put an installer with packages of these names and versions into the release."""
    path = release_of(prefix).bundle / "ragtrace-install.pyz"
    path.parent.chmod(0o755)
    path.unlink(missing_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"site-packages/{name}.dist-info/METADATA", "")
    return path


def by_place(prefix):
    return {one.where: one for one in carried(active(prefix))}


def test_findings_name_where_they_are(prefix, trust_stores):
    installer_of(prefix, "uv-0.13.9", "psutil-7.0.0")
    seen = scan_installed(active(prefix), trust_stores)
    found = {(one.package, one.version, one.where) for one in seen.assessment.findings}
    assert found == {("my-tool", "1.0", TOOLS), ("uv", "0.13.9", ZIPAPP)}
    assert (seen.assessment.packages, seen.scan.hits) == (2, frozenset())  # safety is asked for the application's alone
    details = look_all(Advisories, prefix)[0].details
    assert "my-tool 1.0 (in the tools environment) (HIT-1)" in details
    assert "uv 0.13.9 (in the installer) (HIT-2)" in details


def test_what_lies_in_the_tools_environment_counts_and_not_what_was_signed(prefix):
    (site,) = tools_environment.root_of(release_of(prefix)).glob("lib/python*/site-packages")
    site.chmod(0o755)
    (site / "click-8.1.8.dist-info").mkdir()
    assert Installed("click", "8.1.8") in by_place(prefix)[TOOLS].packages


def test_a_tools_environment_without_packages_is_named(prefix, monkeypatch, tmp_path):
    monkeypatch.setattr(tools_environment, "site_of", lambda *_arguments: tmp_path / "none")
    assert "contains no packages" in by_place(prefix)[TOOLS].unjudged


@pytest.mark.parametrize(
    "data", [None, b"", b"no archive", b"PK\x05\x06" + b"\0" * 18], ids=["missing", "empty", "other", "no-files"]
)
def test_an_installer_that_cannot_be_read_is_named(prefix, data):
    path = installer_of(prefix)
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    found = by_place(prefix)[ZIPAPP]
    assert (found.packages, bool(found.unjudged)) == ((), True)
    assert "not judged: installer: " in look_all(Advisories, prefix)[0].details


def test_an_installer_with_too_many_files_is_named(prefix, monkeypatch):
    installer_of(prefix, "uv-0.13.9")
    monkeypatch.setattr(carrying, "MEMBERS_LIMIT", 0)
    assert by_place(prefix)[ZIPAPP].unjudged


@pytest.mark.parametrize(
    ("settings", "version"),
    [
        ("home = /x\nversion_info = 3.12.1\n", "3.12.1"),
        ("version = 3.12.1rc1\n", "3.12.1rc1"),
        ("home = /x\n", None),
        (None, None),
    ],
    ids=["uv", "venv", "without", "missing"],
)
def test_the_interpreter_of_the_bundle(prefix, monkeypatch, settings, version):
    installation = active(prefix)
    of_kind = lambda _self, kind: iter([kind] if kind == "interpreter" else [])  # noqa: E731
    monkeypatch.setattr(type(installation.manifest), "of_kind", of_kind)
    path = installation.release.venv / "pyvenv.cfg"
    path.parent.chmod(0o755)
    path.unlink()
    if settings is not None:
        path.write_text(settings)
    (found,) = [one for one in carried(installation) if one.where == PYTHON]
    assert found.packages == ((Installed(CPYTHON, version),) if version else ())
    assert bool(found.unjudged) == (version is None)


def test_a_host_without_a_bundled_interpreter_has_none_to_judge(prefix):
    assert PYTHON not in by_place(prefix)


def test_a_scan_says_what_else_was_compared(prefix, trust_stores):
    installer_of(prefix, "uv-0.13.9")
    text = list(scan_lines(scan_installed(active(prefix), trust_stores)))
    assert "  Also compared: tools environment (1 package), installer (1 package)" in text
    assert any("uv 0.13.9 (in the installer)  HIT-2" in line for line in text)
