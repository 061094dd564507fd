"""Which release is repaired: also on Windows, where ``current`` is a file, the one that it names."""

from __future__ import annotations

import json
import sys

from installer.logs import audit_log
from recovery.inspection.release_to_repair import pointer, release_to_repair
from tests.helpers import install_opened


def test_an_active_release_without_its_mark_is_the_one_to_repair_on_windows_too(host, newer, monkeypatch) -> None:
    """The audit log names another one, as after a run that was killed before its entry."""
    first = host.release
    install_opened(newer.open(), host.prefix)
    audit_log.append(host.prefix, "rollback", "done", release=host.release.id)
    (host.prefix.root / "current.json").write_text(json.dumps({"release": first.id}))
    host.prefix.current.unlink()
    first.path.chmod(0o755)
    first.complete_file.unlink()
    (host.prefix.state / "previous").unlink()
    with monkeypatch.context() as there:
        there.setattr(sys, "platform", "win32")
        assert release_to_repair(host.prefix) == first
        assert list(pointer(host.prefix, first)) == []
