"""Paths that cannot hold an installation, and folders of others: every command refuses at once, and touches nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bootstrap import cli
from installer.layout.location import placement
from installer.layout.location.finding import find_prefix, prefix_at
from installer.layout.prefix import Prefix
from shared.errors import HostError, UsageError
from tests.helpers import snapshot

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="paths, owners and modes of POSIX")
as_root = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root gives files away")
STRANGER = 12345
COMMANDS = (
    ("install", "BUNDLE"),
    ("install", "BUNDLE", "--dry-run"),
    ("status",),
    ("validate",),
    ("monitor",),
    ("recover", "--yes"),
    ("rollback",),
    ("backup",),
    ("backup", "list"),
    ("backup", "restore", "latest"),
    ("history",),
    ("audit-log", "show"),
    ("audit-log", "verify"),
    ("upgrade", "BUNDLE"),
    ("advisories", "show"),
    ("trust", "show"),
    ("list-checks",),
    ("verify", "BUNDLE"),
    ("uninstall", "--yes"),
    ("uninstall", "--yes", "--purge"),
)
LONG = 300
UNUSABLE = {
    "a colon": ("a:b", "separates paths"),
    "a new line": ("a\nb", "control character"),
    "an escape": ("a\x1b[2J", "control character"),
    "a line separator": ("a\u2028b", "control character"),
    "bytes that are no UTF-8": (os.fsdecode(b"a\xff"), "not UTF-8"),
    "a name that is too long": ("가" * (LONG // 3), "300 bytes; the limit is 255"),
    "a path that is too long": ("/".join(["x" * 200] * 17), "room for the files inside"),
}


@pytest.fixture
def call(capsys, tiny):
    """Call the command line with the words of a command; return its code and what it says."""

    def call(words, prefix: str | Path) -> tuple[int, str]:
        named = [str(tiny.folder) if word == "BUNDLE" else word for word in words]
        trusted = ["--trust-key", str(tiny.key)] if words[0] in ("install", "verify") else []
        try:
            code = cli.main([*named, *trusted, "--prefix", str(prefix)])
        except SystemExit as ended:
            code = int(str(ended.code))
        return code, capsys.readouterr().err

    return call


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_path_that_cannot_hold_an_installation_is_refused(tmp_path, host, call, words) -> None:
    for name, expected in UNUSABLE.values():
        code, err = call(words, tmp_path / name)
        assert code == 2, err
        assert expected in err
        assert "next: Specify another folder with --prefix." in err
        assert len(err.splitlines()) == 2
    assert list(tmp_path.iterdir()) == [host]


def test_so_is_a_link_to_one_and_one_in_the_middle(tmp_path) -> None:
    (tmp_path / "a:b" / "c").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a:b/c")
    for named in (tmp_path / "link", tmp_path / "a:b" / "c", tmp_path / "link" / "new"):
        with pytest.raises(UsageError, match="separates"):
            prefix_at(named)
    (tmp_path / "x").symlink_to("y")
    (tmp_path / "y").symlink_to("x")
    with pytest.raises(UsageError, match="loop"):
        prefix_at(tmp_path / "x")


def test_the_default_folder_is_looked_at_too(tmp_path, host, monkeypatch, call, tiny, capsys) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "a:b"))
    assert cli.main(["install", str(tiny.folder), "--trust-key", str(tiny.key)]) == 2
    assert "separates" in capsys.readouterr().err
    assert not (tmp_path / "a:b").exists()


def test_names_that_are_only_odd_work(tmp_path, host, call, tiny) -> None:
    """A whole life below spaces, quotes, dollars, percents, Korean, and more characters than a shebang has (127)."""
    odd = tmp_path / 'it\'s a "$HOME" `x` %PATH% 한글 & (1)' / ("deep" * 40)
    assert call(("install", "BUNDLE"), odd)[0] == 0
    for words in (("status",), ("backup",), ("rollback",), ("uninstall", "--yes")):
        code, err = call(words, odd)
        assert code == (4 if words == ("rollback",) else 0), err


def test_a_prefix_that_is_a_link_works_for_every_command(tmp_path, host, call) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk/app")
    for words in (("install", "BUNDLE"), ("status",), ("backup",), ("validate", "--quick"), ("history",)):
        code, err = call(words, tmp_path / "link")
        assert code in (0, 1), (words, err)
    assert Prefix(tmp_path / "disk" / "app").active() is not None
    assert find_prefix(tmp_path / "link").root == tmp_path / "disk" / "app"
    assert call(("uninstall", "--yes"), tmp_path / "link")[0] == 0
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_working_folder_that_is_gone_is_told(tmp_path, host, call, monkeypatch, words) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    before = Path.cwd()
    try:
        os.chdir(gone)
        gone.rmdir()
        for prefix in ("relative", tmp_path / "absolute"):
            code, err = call(words, prefix)
            assert code == 4, err
            assert "The working folder cannot be used: No such file or directory." in err
    finally:
        os.chdir(before)


# whose it is


def give(path: Path, user: int) -> None:
    for place in (path, *path.rglob("*")):
        os.lchown(place, user, user)


@as_root
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_root_does_nothing_in_the_prefix_of_another_user(prefix, host, call, tmp_path, words) -> None:
    spy = tmp_path / "spy"
    release = prefix.active()
    (site,) = release.venv.glob("lib/python*/site-packages")
    site.chmod(0o755)
    (site / "spy.pth").write_text(f"import os; os.system('id >> {spy}')\n")
    secret = tmp_path / "secret"
    secret.write_text("kept")
    (prefix.state / "lock").unlink()
    (prefix.state / "lock").symlink_to(secret)
    give(prefix.root, STRANGER)
    before = snapshot(prefix.root)
    code, err = call(words, prefix.root)
    assert code == 4, err
    assert f"{prefix.root} belongs to {STRANGER}" in err
    assert f"sudo -u '#{STRANGER}'" in err
    assert snapshot(prefix.root) == before
    assert not spy.exists()
    assert secret.read_text() == "kept"
    assert not [path for path in (prefix.root, *prefix.root.rglob("*")) if path.lstat().st_uid == 0]


@as_root
@pytest.mark.parametrize("inside", ["state", "state/logs", "releases", "store", "store/sha256", "bin", "backups"])
def test_nor_where_a_part_of_it_is_anothers(prefix, inside) -> None:
    os.chown(prefix.root / inside, STRANGER, -1)
    with pytest.raises(HostError, match=f"{inside} belongs to {STRANGER}"):
        find_prefix(prefix.root)


@as_root
@pytest.mark.parametrize(("group", "mode"), [(STRANGER, 0o775), (0, 0o757)])
def test_nor_where_others_can_write(prefix, group, mode) -> None:
    for place in (prefix.root, prefix.releases, prefix.root.parent):
        previous = place.stat()
        os.chown(place, 0, group)
        place.chmod(mode)
        with pytest.raises(HostError, match=f"Other users can write to {place} and") as caught:
            find_prefix(prefix.root)
        assert f"chmod go-w {place}" in caught.value.advice
        place.chmod(previous.st_mode & 0o777)
        os.chown(place, previous.st_uid, previous.st_gid)
    assert find_prefix(prefix.root)


@as_root
def test_data_and_settings_may_be_anothers(prefix, host, call) -> None:
    give(prefix.data, STRANGER)
    prefix.env_file.write_text("")
    os.chown(prefix.env_file, STRANGER, STRANGER)
    assert find_prefix(prefix.root)


@as_root
def test_root_makes_nothing_in_the_home_of_another_user(tmp_path, host, call, monkeypatch, tiny, capsys) -> None:
    home = tmp_path / "theirs"
    home.mkdir()
    os.chown(home, STRANGER, STRANGER)
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for words in (["install", str(tiny.folder), "--trust-key", str(tiny.key)], ["status"], ["validate"]):
        assert cli.main(words) != 70
        capsys.readouterr()
        assert list(home.iterdir()) == [], words


@as_root
def test_another_user_is_told_whose_it_is(prefix, monkeypatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    with pytest.raises(HostError, match="belongs to root: only its owner can") as caught:
        find_prefix(prefix.root)
    assert "sudo -u root" in caught.value.advice


def test_an_empty_home_is_none(monkeypatch) -> None:
    from installer.layout.location.finding import default_root

    for name in ("XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "")
    with pytest.raises(HostError, match="no home folder"):
        default_root()


def test_limits_that_the_system_does_not_tell(monkeypatch, tmp_path) -> None:
    def unknown(_path, _name):
        raise ValueError

    monkeypatch.setattr(os, "pathconf", unknown)
    assert placement.real(tmp_path) == tmp_path
    with pytest.raises(UsageError, match="255"):
        placement.real(tmp_path / ("x" * 256))
