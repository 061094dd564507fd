"""The keys of a build on the command line: made once, with a passphrase or none, and as many as must sign."""

from __future__ import annotations

import pytest

from builder import cli
from builder.signing.sign import generate_key, read_public_key
from builder.signing.user_keys import PASSPHRASE
from bundle.names import INSTALLER
from bundle.opening import open_bundle
from bundle.signing.policy_files import pinned_policy
from shared.errors import TrustError
from tests.builder.small_project import _quick, build, made  # noqa: F401 - the stand-in for the zipapp
from tests.schemas import validated


def test_the_key_that_keygen_makes_where_no_file_is_named_signs(project, tmp_path, capsys) -> None:
    assert cli.main(["keygen", "--no-passphrase"]) == 0
    public = read_public_key(tmp_path / "settings" / "ragtrace" / "signing-key.pub")
    assert (tmp_path / "settings" / "ragtrace").stat().st_mode & 0o077 == 0
    capsys.readouterr()
    common = ["--project-root", project, "--output-dir", tmp_path / "out", "--cache-dir", tmp_path / "cache"]
    assert cli.main(["build", *map(str, common), "--offline", "--quiet", "--json"]) == 0
    assert validated("builder-build", capsys.readouterr().out)["signers"] == [public.fingerprint]
    assert cli.main(["keygen", "--no-passphrase"]) != 0  # a key is never written over


def test_keygen(tmp_path, monkeypatch, capsys) -> None:
    path = tmp_path / "new"
    assert cli.main(["keygen", str(path)]) == 2  # no passphrase, no terminal
    assert not path.exists()
    monkeypatch.setenv(PASSPHRASE, "secret")
    assert cli.main(["keygen", str(path)]) == 0
    assert read_public_key(tmp_path / "new.pub").fingerprint in capsys.readouterr().out
    assert path.stat().st_mode & 0o077 == 0
    assert cli.main(["keygen", str(path), "--no-passphrase"]) == 2


def test_a_new_passphrase_is_typed_twice(tmp_path, monkeypatch, capsys) -> None:
    typed = iter(["secret", "sceret", "secret", "secret"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    assert cli.main(["keygen", str(tmp_path / "new")]) == 2
    assert "The passphrases do not match." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert cli.main(["keygen", str(tmp_path / "new")]) == 0


def test_an_input_that_ends_is_no_passphrase(tmp_path, monkeypatch, capsys) -> None:
    def end(_prompt):
        raise EOFError

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", end)
    assert cli.main(["keygen", str(tmp_path / "new")]) == 2
    assert "the input ended" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_two_persons_must_sign(project, key, tmp_path, capsys) -> None:
    other = tmp_path / "other"
    generate_key(other, None)
    assert build(project, key, tmp_path / "out", "--trust-key", f"{other}.pub", "--threshold", "2") == 0
    folder, out = made(tmp_path / "out"), capsys.readouterr().out
    assert "has not signed yet" in out
    policy = pinned_policy(folder / INSTALLER)
    with pytest.raises(TrustError, match="Trusted signatures required: 2; found: 1"):
        open_bundle(folder, policy)
    assert cli.main(["sign", str(folder), "--sign-key", str(other)]) == 0
    assert len(open_bundle(folder, policy).signers) == 2


@pytest.mark.parametrize("threshold", ["0", "3"])
def test_a_threshold_that_cannot_be_met(project, key, tmp_path, capsys, threshold) -> None:
    generate_key(tmp_path / "other", None)
    options = ["--trust-key", str(tmp_path / "other.pub"), "--threshold", threshold]
    assert build(project, key, tmp_path / "out", *options) == 2
    assert "threshold" in capsys.readouterr().err
