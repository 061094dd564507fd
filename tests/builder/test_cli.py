"""The builder's command line, from a project without dependencies to a folder that a host accepts."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest
import uv

import build_zipapp
from bootstrap.bundle.archive import drain
from bootstrap.bundle.opening import INSTALLER, open_bundle
from bootstrap.bundle.policy import pins
from bootstrap.errors import TrustError
from bootstrap.trust.authority import pinned_policy
from builder import build as story
from builder import cli
from builder.commands.common import PASSPHRASE
from builder.sign import generate_key, read_public_key
from builder.slip import grouped
from tests.schemas import validated

PROJECT = """
[project]
name = "small-app"
version = "1.2.3"
requires-python = ">=3.9"
[project.scripts]
small = "small_app:main"
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch, tmp_path) -> None:
    """Put a stand-in for the zipapp, which has tests of its own, and keep builds apart from this user."""

    def stand_in(output: Path, target, *, policy: bytes, epoch: int, **_options) -> Path:
        with zipfile.ZipFile(output, "w") as archive:
            for name, data in (("policy.json", policy), ("target", f"{target} {epoch}".encode())):
                archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
        return output

    monkeypatch.setattr(build_zipapp, "build_zipapp", stand_in)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.delenv(PASSPHRASE, raising=False)


def make_project(folder: Path) -> Path:
    (folder / "small_app").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "small_app/__init__.py").write_text("def main():\n    print('hi')\n")
    (folder / "한글.txt").write_text("글\n")
    subprocess.run([uv.find_uv_bin(), "lock", "--offline", "--quiet", "--project", folder], check=True)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    generate_key(tmp_path / "key", None)
    return tmp_path / "key"


def build(project: Path, key: Path, output: Path, *more: str) -> int:
    common = ["--project-root", project, "--output-dir", output, "--sign-key", key, "--cache-dir", output / "../cache"]
    return cli.main(["build", *map(str, common), "--offline", "--quiet", *more])


def made(output: Path) -> Path:
    """Return the folder that travels; its trust slip lies beside it."""
    (sums,) = output.glob("*/SHA256SUMS")
    return sums.parent


def test_a_build_is_accepted_by_a_host(project, key, tmp_path, capsys) -> None:
    assert build(project, key, tmp_path / "out", "--json") == 0
    facts = validated("builder-build", capsys.readouterr().out)
    public = read_public_key(key.with_suffix(".pub"))
    assert facts["signers"] == [public.fingerprint]
    assert facts["product"] == {"name": "small-app", "title": "small-app", "version": "1.2.3", "counter": 1700000000}
    folder = Path(facts["folder"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [folder.name, f"{folder.name}.slip"]
    assert grouped(public) in Path(facts["slip"]).read_text(encoding="utf-8")
    bundle = open_bundle(folder, pins([public]))
    bundle.visit(lambda _entry, blocks: drain(blocks), lambda _count: None)
    paths = {entry.path for entry in bundle.manifest.files}
    assert {"03_Source/한글.txt", "04_Scripts/install.py", "05_Documentation/INSTALL.ko.md"} <= paths
    assert pinned_policy(folder / INSTALLER) == pins([public])
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, check=False)
    assert checked.returncode == 0


def test_two_builds_are_the_same_bytes(tmp_path, key) -> None:
    built = []
    for number, umask in ((1, 0o022), (2, 0o077)):
        former = os.umask(umask)
        try:
            project = make_project(tmp_path / f"place{number}/project")
            assert build(project, key, tmp_path / f"out{number}") == 0
        finally:
            os.umask(former)
        folder = made(tmp_path / f"out{number}")
        built.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert built[0] == built[1]


def test_a_later_build_takes_the_place_of_the_former(project, key, tmp_path) -> None:
    for number in ("5", "6"):
        assert build(project, key, tmp_path / "out", "--counter", number) == 0
    folder = made(tmp_path / "out")
    assert b'"counter": 6' in (folder / "MANIFEST.json").read_bytes()


def test_an_epoch_of_zero_counts(project, key, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert build(project, key, tmp_path / "out") == 0
    folder = made(tmp_path / "out")
    assert b"1970-01-01T00:00:00Z" in (folder / "MANIFEST.json").read_bytes()


@pytest.mark.parametrize("epoch", ["x", "", "-1", str(8**11)])
def test_an_epoch_that_is_none(project, key, tmp_path, monkeypatch, epoch, capsys) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert build(project, key, tmp_path / "out") == 2
    assert "SOURCE_DATE_EPOCH" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (["--target", "amiga-68k"], 2, "amiga-68k is not a target"),
        (["--python", "2.7"], 2, "Python 2.7 is not supported"),
        (["--glibc", "3"], 2, "not a version of glibc"),
        (["--profile", "nobody"], 2, "no profile nobody"),
        (["--counter", "0"], 2, "counter"),
        (["--model", "path:nowhere"], 7, "nowhere"),
    ],
)
def test_requests_that_make_no_sense(project, key, tmp_path, capsys, more, code, told) -> None:
    assert build(project, key, tmp_path / "out", *more) == code
    assert told in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*"))


def test_no_lock_and_no_key(project, key, tmp_path, capsys) -> None:
    assert build(project, tmp_path / "nokey", tmp_path / "out") == 2
    assert "keygen" in capsys.readouterr().err
    (project / "uv.lock").unlink()
    assert build(project, key, tmp_path / "out") == 7
    assert "uv lock" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device", "/out")])
def test_a_build_that_ends_early_leaves_nothing(project, key, tmp_path, monkeypatch, error) -> None:
    def fail(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(story, "write_archive", fail)
    assert build(project, key, tmp_path / "out") in (130, 4, 7)
    assert list((tmp_path / "out").iterdir()) == []


def test_inspect(project, key, tmp_path, capsys) -> None:
    build(project, key, tmp_path / "out")
    folder = made(tmp_path / "out")
    capsys.readouterr()
    assert cli.main(["inspect", str(folder)]) == 0
    assert "(not judged)" in capsys.readouterr().out
    assert cli.main(["inspect", str(folder), "--json", "--trust-key", f"{key}.pub"]) == 0
    facts = validated("verify", capsys.readouterr().out)
    assert (facts["signers_trusted"], facts["effects"]["commands"]) == (True, ["small"])
    generate_key(tmp_path / "stranger", None)
    assert cli.main(["inspect", str(folder), "--trust-key", str(tmp_path / "stranger.pub")]) == 3
    assert cli.main(["inspect", str(folder), "--trust-key", str(tmp_path / "missing.pub")]) == 2
    next(folder.glob("*.sig")).unlink()
    capsys.readouterr()
    assert cli.main(["inspect", str(folder)]) == 3
    assert "not signed" in capsys.readouterr().err


def test_keygen(tmp_path, monkeypatch, capsys) -> None:
    path = tmp_path / "new"
    assert cli.main(["keygen", str(path)]) == 2  # no passphrase, no terminal
    assert not path.exists()
    monkeypatch.setenv(PASSPHRASE, "secret")
    assert cli.main(["keygen", str(path)]) == 0
    assert read_public_key(tmp_path / "new.pub").fingerprint in capsys.readouterr().out
    assert path.stat().st_mode & 0o077 == 0
    assert cli.main(["keygen", str(path), "--no-passphrase"]) == 2


def test_two_persons_must_sign(project, key, tmp_path, capsys) -> None:
    other = tmp_path / "other"
    generate_key(other, None)
    assert build(project, key, tmp_path / "out", "--trust-key", f"{other}.pub", "--threshold", "2") == 0
    folder, out = made(tmp_path / "out"), capsys.readouterr().out
    assert "has not signed yet" in out
    policy = pinned_policy(folder / INSTALLER)
    with pytest.raises(TrustError, match="2 trusted signatures are needed, 1 found"):
        open_bundle(folder, policy)
    assert cli.main(["sign", str(folder), "--sign-key", str(other)]) == 0
    assert len(open_bundle(folder, policy).signers) == 2


@pytest.mark.parametrize("threshold", ["0", "3"])
def test_a_threshold_that_cannot_be_met(project, key, tmp_path, capsys, threshold) -> None:
    generate_key(tmp_path / "other", None)
    options = ["--trust-key", str(tmp_path / "other.pub"), "--threshold", threshold]
    assert build(project, key, tmp_path / "out", *options) == 2
    assert "threshold" in capsys.readouterr().err
