"""The installed tool runs a newer installer only from a checked copy, and only after all that can be judged."""

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from bootstrap import api, cli
from bootstrap.api import installing
from bundle.names import INSTALLER
from bundle.signing.signature import ED25519
from installer.install import upgrade
from installer.trust import admission, memory
from installer.trust.authority import read_key
from shared.errors import RagtraceError, TrustError, UsageError
from tests.keys import SoftKey
from tests.policies import lay, make_policy
from tests.tiny import COUNTER, PRODUCT, tiny_bundle

ROOT = SoftKey(ED25519)
TELLS = """
import json, os, sys
print(json.dumps({"file": sys.argv[0], "argv": sys.argv[1:], "flags": [sys.flags.isolated, sys.dont_write_bytecode],
                  "own": sorted(name for name in os.environ if name.startswith("RAGTRACE_"))}))
sys.exit(9)
"""
EXIT = 9


def installer():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("__main__.py", TELLS)
    return data.getvalue()


@pytest.fixture
def trusting(tiny, trust_stores):
    """Let the host trust the key of the tiny bundle."""
    lay(trust_stores.host, make_policy(1, [read_key(str(tiny.key))], [ROOT.key]), ROOT)


@pytest.fixture
def newer(tiny, tmp_path, trusting):
    key = tiny.key.with_suffix("")
    return tiny_bundle(tmp_path / "newer", counter=COUNTER + 1, installer=installer(), key=key).folder


def refused(capfd, *arguments, error=TrustError, **options):
    with pytest.raises(error) as caught:
        api.upgrade(*arguments, **options)
    assert capfd.readouterr().out == ""  # nothing of it ran
    return caught.value.what


def test_the_new_installer_takes_over(newer, prefix, capfd, monkeypatch):
    for name in [name for name in os.environ if name.startswith("RAGTRACE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAGTRACE_ZIPAPP", "/the/old/one.pyz")
    monkeypatch.setenv("RAGTRACE_LANG", "ko")
    monkeypatch.setattr("installer.trust.authority.pinned_policy", lambda _zipapp: None)
    arguments = [
        "upgrade",
        str(newer),
        "--prefix",
        str(prefix.root),
        "--wait",
        "2",
        "--json",
        "--require-fresh",
        "9999",
    ]
    assert cli.main(arguments) == EXIT
    reported = json.loads(capfd.readouterr().out)
    wanted = ["install", str(newer), "--prefix", str(prefix.root), "--wait", "2.0", "--require-fresh", "9999", "--json"]
    assert reported["argv"] == wanted
    assert reported["own"] == ["RAGTRACE_LANG"]
    assert reported["flags"] == [1, True]
    assert Path(reported["file"]).name == INSTALLER
    assert not Path(reported["file"]).is_relative_to(newer)  # a copy, which is gone
    assert not Path(reported["file"]).exists()


def test_a_stranger_s_release_runs_nothing(prefix, tmp_path, trusting, capfd):
    folder = tiny_bundle(tmp_path / "other", counter=COUNTER + 1, installer=installer()).folder
    assert "is an untrusted key" in refused(capfd, folder, prefix.root)


def test_an_altered_installer_runs_nothing(newer, prefix, capfd):
    with (newer / INSTALLER).open("ab") as file:
        file.write(b"#")
    assert INSTALLER in refused(capfd, newer, prefix.root)


def test_an_older_release_runs_nothing(newer, prefix, trust_stores, capfd):
    memory.remember(trust_stores.host, counters={PRODUCT: COUNTER + 2})
    assert "older than the release that this host accepted" in refused(capfd, newer, prefix.root)


def test_another_product_runs_nothing(newer, prefix, capfd, monkeypatch):
    other = prefix.root / "state" / "trust"
    lay(other, make_policy(1, [SoftKey(ED25519).key], [ROOT.key]), ROOT)
    assert "is an untrusted key" in refused(capfd, newer, prefix.root)


@pytest.mark.parametrize("swap", ["altered", "link", "fifo"])
def test_an_installer_swapped_after_the_check_does_not_run(newer, prefix, capfd, monkeypatch, swap):
    admit = admission.admit

    def admit_and_swap(*arguments, **options):
        result = admit(*arguments, **options)
        beside = newer / INSTALLER
        data = beside.read_bytes()
        beside.unlink()
        if swap == "altered":
            beside.write_bytes(data.replace(b"sys.exit(9)", b"sys.exit(7)"))
        elif swap == "link":
            (newer / "hostile.pyz").write_bytes(data)
            beside.symlink_to(newer / "hostile.pyz")
        else:
            if not hasattr(os, "mkfifo"):
                pytest.skip("no pipes with names here")
            os.mkfifo(beside)
        return result

    monkeypatch.setattr(installing, "admit", admit_and_swap)
    assert INSTALLER in refused(capfd, newer, prefix.root)


def test_a_swap_after_the_copy_changes_nothing(newer, prefix, capfd, monkeypatch):
    copy = upgrade.copy_installer

    def copy_and_swap(bundle, target, store):
        copy(bundle, target, store)
        (newer / INSTALLER).write_text("print('hostile')")

    monkeypatch.setattr(upgrade, "copy_installer", copy_and_swap)
    assert api.upgrade(newer, prefix.root) == EXIT
    assert json.loads(capfd.readouterr().out)["argv"][0] == "install"


def test_the_installer_must_be_there(newer, prefix, capfd):
    (newer / INSTALLER).unlink()
    assert "is not next to the bundle" in refused(capfd, newer, prefix.root, error=UsageError)


def test_an_unpacked_release_has_it_inside(newer, prefix, capfd, tmp_path):
    with tarfile.open(next(newer.glob("*.tar.gz"))) as archive:
        archive.extractall(newer, filter="data")
    next(newer.glob("*.tar.gz")).unlink()
    (newer / INSTALLER).unlink()
    assert api.upgrade(newer, prefix.root) == EXIT


def test_without_anything_installed_there_is_nothing_to_upgrade(newer, tmp_path, capfd):
    assert "nothing is installed there" in refused(capfd, newer, tmp_path / "none", error=RagtraceError)
