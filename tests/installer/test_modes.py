"""What is installed has the same modes whatever the umask: others read and run it, and change nothing."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from bootstrap import cli
from installer.layout.prefix import Prefix

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
UMASKS = (0o022, 0o000, 0o027, 0o077, 0o777)
PRIVATE = ("state", "backups", "data")  # nobody else looks into these


def modes(root) -> dict[str, int]:
    """Return path → mode of everything below a folder, names that tell a moment or a number left out."""
    found = {".": stat.S_IMODE(root.stat().st_mode)}
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, root)
            if not os.path.islink(path) and not relative.startswith(("state/logs/", "backups/")):
                found[relative] = stat.S_IMODE(os.lstat(path).st_mode)
    return found


@pytest.fixture
def life(tmp_path, host, tiny, capsys):
    """Install and back up under a umask; return the modes of all that there is then."""

    def life(umask: int) -> dict[str, int]:
        previous = os.umask(umask)
        try:
            root = tmp_path / f"{umask:03o}" / "app"
            words = ["--prefix", str(root), "--quiet"]
            assert cli.main(["install", str(tiny.folder), "--trust-key", str(tiny.key), *words]) == 0
            assert cli.main(["backup", *words]) == 0
            assert cli.main(["validate", "--quick", *words]) in (0, 1), capsys.readouterr()
            capsys.readouterr()
        finally:
            os.umask(previous)
        return modes(root)

    return life


@pytest.mark.parametrize("umask", UMASKS, ids=lambda umask: f"{umask:03o}")
def test_modes_do_not_follow_the_umask(life, umask) -> None:
    found = life(umask)
    assert not [path for path, mode in found.items() if mode & 0o022]
    assert {path: found[path] for path in PRIVATE} == dict.fromkeys(PRIVATE, 0o700)
    assert found["state/lock"] == found[".env"] == 0o600
    for path, mode in found.items():
        top = path.split("/")[0]
        if top in PRIVATE or path == ".env":
            continue
        wanted = 0o005 if mode & 0o100 else 0o004
        assert mode & wanted == wanted, f"{path} has {mode:o}"
    assert found["bin/tiny"] == 0o755
    assert found["."] == found["releases"] == found["store"] == found["store/sha256"] == 0o755


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777], ids=lambda umask: f"{umask:03o}")
def test_another_program_that_calls_us_keeps_its_umask(tmp_path, umask) -> None:
    """The typed functions set none: what matters has its mode said."""
    previous = os.umask(umask)
    try:
        prefix = Prefix(tmp_path / "app")
        prefix.make()
        assert os.umask(umask) == umask
    finally:
        os.umask(previous)
    for folder in (prefix.root, *prefix.own_folders, prefix.data):
        private = folder in (prefix.state, prefix.logs, prefix.backups, prefix.data)
        if folder != prefix.audit:
            assert stat.S_IMODE(folder.stat().st_mode) == (0o700 if private else 0o755), folder


def test_a_prefix_that_anybody_could_write_is_closed_by_the_next_installation(tmp_path) -> None:
    prefix = Prefix(tmp_path / "app")
    prefix.make()
    for folder in (prefix.state, prefix.releases, prefix.bin):
        folder.chmod(0o777)
    prefix.root.chmod(0o2770)  # a folder that an administrator made for a group stays what he made it
    prefix.make()
    assert not [folder for folder in prefix.own_folders if folder.is_dir() and folder.stat().st_mode & 0o022]
    assert stat.S_IMODE(prefix.root.stat().st_mode) == 0o2770
