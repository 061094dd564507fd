"""How tests of recovery damage an installation, and what they look at afterwards."""

from __future__ import annotations

import os
import stat

from bootstrap import api
from installer.layout import journal, seal
from installer.release import receipt
from installer.release.stage import counterpart
from shared.errors import ToolError
from tests.tiny import EMBEDDING


def flip(path):
    """Change one byte of a file, also where the file is shared or read-only."""
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    path.chmod(mode)


def truncate(path):
    os.truncate(path, 3)


def delete(path):
    path.unlink()


def whole(host):
    """Assert that the active release works and is exactly what its receipt says."""
    assert receipt.compare(host.release, receipt.read_receipt(host.release)) == []
    assert host.answer() == list(EMBEDDING)
    assert host.plan().findings == ()
    assert journal.read(host.prefix) is None


def kept(host, entry):
    return stored_in(host.prefix, entry)


def stored_in(prefix, entry):
    return prefix.store / entry.sha256[:2] / entry.sha256


def spoil(host, path):
    """Damage a file of the bundle wherever this host has it."""
    entry = host.tiny.manifest.entry(path)
    flip(kept(host, entry))
    if entry.kind != "wheel":
        flip(counterpart(host.release, entry))
    return entry


def advised(host, *checks):
    """Assert that checks fail, and that validate advises the bundle: plain recover has done what it can."""
    results = api.validate(host.prefix.root, checks=checks).results
    assert [result.status for result in results] == ["FAIL"] * len(checks)
    for result in results:
        assert "recover --bundle" in result.command
        assert host.tiny.manifest.folder in result.suggestion


def damaged_still(host, *paths):
    """Assert that the active release works but for what is known to be damaged in it, which validate says too."""
    found = receipt.compare(host.release, receipt.read_receipt(host.release))
    assert [(deviation.path, deviation.kind) for deviation in found] == [(path, receipt.ALTERED) for path in paths]
    advised(host, "security.integrity")
    assert journal.read(host.prefix) is None


def break_the_start(host):
    """Let the application fail to start for a file that nothing on this host replaces."""
    spoil(host, "03_Source/app.py")
    (host.release.app / "app.py").write_text("raise SystemExit('broken')\n")


def forge(release, old, new):
    """Change a receipt, and the mark so that it vouches for it."""
    path = release.receipt_file
    path.write_bytes(path.read_bytes().replace(old, new))
    seal.mark_complete(release)


def break_current(host, how):
    current = host.prefix.current
    current.unlink()
    if how == "dangling":
        current.symlink_to("releases/1-0123456789ab-r1")
    elif how == "file":
        current.write_text("x")
    elif how == "folder":
        current.mkdir()


def fail(self, python, pylock):
    raise ToolError("uv broke.")
