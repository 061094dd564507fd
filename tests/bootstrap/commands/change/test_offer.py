"""The tool without a command: what it says and asks next to a bundle, and what it does about each answer."""

from __future__ import annotations

import io
import os
import sys
import zipfile

import pytest

from bootstrap import cli
from builder.signing.sign import generate_key
from bundle.names import INSTALLER
from bundle.opening import INSTALLER_MEMBER
from bundle.signing.policy import pins
from bundle.signing.policy_files import PINS
from bundle.signing.signature import parse_public_key
from installer.layout.prefix import Prefix
from tests.reliability import victim
from tests.terminal import ENDINGS, typing
from tests.tiny import COUNTER, Tiny, tiny_bundle

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")


def pinned(folder, key, **changes) -> Tiny:
    """Return a bundle whose installer pins its signer, as the builder makes it."""
    data = io.BytesIO()
    policy = pins([parse_public_key(key.with_suffix(".pub").read_text())])
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("__main__.py", f"# {folder}\n")
        archive.writestr(PINS, policy.to_bytes())
    return tiny_bundle(folder, installer=data.getvalue(), key=key, **changes)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    for name in ("sender", "stranger"):
        generate_key(folder / name, None)
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory, keys):
    return pinned(tmp_path_factory.mktemp("first"), keys / "sender")


@pytest.fixture(scope="module")
def newer(tmp_path_factory, keys):
    return pinned(tmp_path_factory.mktemp("newer"), keys / "sender", counter=COUNTER + 1, version="2.0.0")


@pytest.fixture
def start(tmp_path, monkeypatch, capsys, host):
    """Start the installer of a bundle without a command, and type at it; return how it ended and what it said."""
    trust = victim.places_in(tmp_path / "trust")
    monkeypatch.setattr("bootstrap.api.here.host_trust_stores", lambda: trust)
    monkeypatch.setenv("RAGTRACE_PREFIX", str(tmp_path / "prefix"))

    def start(bundle: Tiny, typed: bytes | None, *arguments: str):
        monkeypatch.setenv("RAGTRACE_ZIPAPP", str(bundle.folder / INSTALLER))
        if typed is None:
            monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
            code = cli.main([*arguments])
        else:
            with typing(typed):
                code = cli.main([*arguments])
        out, err = capsys.readouterr()
        return code, out, err

    start.prefix = Prefix(tmp_path / "prefix")  # type: ignore[attr-defined]
    return start


def slip(bundle: Tiny) -> str:
    """Return what the trust slip has in its first row."""
    digits = bundle.manifest.entry(INSTALLER_MEMBER).sha256[:16]
    return " ".join(digits[at : at + 4] for at in range(0, 16, 4))


def typed(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def test_the_first_time_it_takes_the_slip(first, start) -> None:
    code, out, err = start(first, typed("00000000", slip(first)[:9].upper()))
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].startswith("Tiny-App 1.0.0, 4 packages; signed by SHA256:")
    assert lines[1].startswith(f"It will be installed in {start.prefix.root} and take ")
    assert lines[2].startswith(f"To start it afterwards: {start.prefix.root}/bin/tiny; to undo it: ")
    assert lines[3] == "Installed Tiny-App 1.0.0."
    assert "[Y/n]" not in err
    assert "Type the characters on the slip:" in err
    assert start.prefix.active() is not None


@pytest.mark.parametrize("answer", ["00000000", "y", "yes"])
def test_who_does_not_have_the_slip_installs_nothing(first, start, answer) -> None:
    code, _out, err = start(first, typed(answer, answer, answer))
    assert (code, start.prefix.root.exists()) == (3, False)
    assert "ask the sender" in err


@pytest.mark.parametrize("ending", [name for name in ENDINGS if name != "hung up"])
def test_who_types_nothing_installs_nothing(first, newer, start, ending) -> None:
    code, _out, err = start(first, ENDINGS[ending])
    assert (code, start.prefix.root.exists(), "Nothing was installed." in err) == (2, False, True)
    start(first, typed(slip(first)))
    if ending != "empty":  # which agrees to an upgrade
        assert start(newer, ENDINGS[ending])[0] == 2
        assert start.prefix.active().counter == COUNTER


@pytest.mark.parametrize("answer", ["", "y", "Y", "예", "네", "yes"])
def test_an_upgrade_by_the_same_signer_needs_a_word(first, newer, start, answer) -> None:
    start(first, typed(slip(first)))
    code, out, err = start(newer, typed(answer))
    assert code == 0, err
    assert "[Y/n]" in err
    lines = out.splitlines()
    assert lines[1] == f"It replaces version 1.0.0 in {start.prefix.root}; settings and data stay."
    tool = start.prefix.root / "bin" / "ragtrace-offline"
    assert lines[3] == f"Upgraded 1.0.0 → 2.0.0; undo with: {tool} rollback"
    code, out, _err = start(newer, b"", "rollback")
    assert (code, out.splitlines()[0]) == (0, "Rolled back 2.0.0 → 1.0.0.")


@pytest.mark.parametrize("answer", ["n", "아니요", "nein", "yy"])
def test_any_other_word_leaves_it_as_it_was(first, newer, start, answer) -> None:
    start(first, typed(slip(first)))
    assert start(newer, typed(answer))[0] == 2
    assert start.prefix.active().counter == COUNTER


def test_another_signer_takes_the_slip_again(first, keys, tmp_path, start) -> None:
    start(first, typed(slip(first)))
    other = pinned(tmp_path / "other", keys / "stranger", counter=COUNTER + 1, version="2.0.0")
    code, _out, err = start(other, typed("y", "y", "y"))
    assert (code, "[Y/n]" in err, start.prefix.active().counter) == (3, False, COUNTER)
    assert start(other, typed(slip(other)))[0] == 0


def test_without_a_terminal_it_prints_what_to_type(first, start) -> None:
    code, out, err = start(first, None)
    assert (code, start.prefix.root.exists()) == (2, False)
    assert "no terminal" in err
    for command in ("verify", "install --dry-run", "install"):
        assert f"{first.folder / INSTALLER} {command}\n" in out


@pytest.mark.parametrize(("given", "code"), [("first", 0), ("wrong", 3), ("short", 3)])
def test_the_script_of_the_folder_has_asked_already(first, start, monkeypatch, given, code) -> None:
    digits = slip(first)
    monkeypatch.setenv("RAGTRACE_SLIP", {"first": digits[:9], "wrong": "0" * 8, "short": digits[:8]}[given])
    ended, _out, err = start(first, None)
    assert (ended, start.prefix.active() is not None) == (code, code == 0), err


def test_it_says_what_is_there_already(first, start) -> None:
    start(first, typed(slip(first)))
    release = start.prefix.active().id
    for arguments in ((), ("install",), ("install", "--dry-run")):
        code, out, _err = start(first, b"", *arguments)
        assert (code, "Tiny-App 1.0.0 is already installed" in out) == (0, True)
        assert "With --reinstall, install builds it again" in out
    assert start.prefix.active().id == release
    code, out, _err = start(first, b"", "install", "--reinstall", "--dry-run")
    assert (code, out.splitlines()[-1], start.prefix.active().id) == (0, "Ready.", release)
    code, out, _err = start(first, b"", "install", "--reinstall")
    assert (code, out.splitlines()[0]) == (0, "Reinstalled Tiny-App 1.0.0.")
    assert start.prefix.active().id == release.replace("-r1", "-r2")


def test_a_host_that_does_not_fit_is_not_asked(first, start) -> None:
    start.prefix.root.mkdir()
    (start.prefix.root / "file").touch()
    code, out, err = start(first, typed(slip(first)))
    assert (code, out.splitlines()[-1]) == (4, "1 thing to fix.")
    assert "Type" not in err
    assert os.listdir(start.prefix.root) == ["file"]


def test_elsewhere_a_command_is_wanted(tmp_path, monkeypatch, capsys, host) -> None:
    monkeypatch.setenv("RAGTRACE_ZIPAPP", str(tmp_path / INSTALLER))
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err
