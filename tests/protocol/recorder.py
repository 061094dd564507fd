"""Records the steps of real commands by the names that the model has for them (commit.pml)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Callable

from installer.change import migration, retention, transaction
from installer.layout import journal, seal
from installer.layout.prefix import Prefix
from installer.release import stage
from installer.userdata import copies, userdata
from recovery.repair.replacement import Replacement
from shared.files import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


class Killed(BaseException):
    """Ends a command as SIGKILL does: nothing of ours runs after it."""


class Recorder:
    """What changed the prefix, in its order. A step that changes nothing is none, in the model as well."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, prefix: Prefix) -> None:
        self.steps: list[str] = []
        self.dies_after: tuple[str, int] | None = None
        self.is_dead = False
        self._patch, self._prefix = monkeypatch, prefix
        self._around(journal, "write", self._journal)
        self._around(copies, "copy_tree", lambda _from, to: "COPY_TREE" if to.name == userdata.INCOMING else "")
        self._around(stage, "verify_into_store", lambda *_: "FILL_STORE")
        self._around(stage, "stage_environment", lambda *_: "STAGE_ENVIRONMENT")
        self._around(Replacement, "remake_environment", lambda *_: "STAGE_ENVIRONMENT")
        self._around(migration, "migrate", lambda *_: "MIGRATE" if self._journal_names_data() else "")
        self._around(files, "sync_filesystem", lambda path: "SEAL" if path.parent == prefix.releases else "")
        self._around(seal, "mark_complete", lambda *_: "MARK_COMPLETE")
        self._around(userdata, "swap_in", lambda *_: "SWAP_IN", changes=self._data)
        self._around(userdata, "swap_out", lambda *_: "SWAP_OUT", changes=self._data)
        self._around(Prefix, "set_current", lambda *_: "SET_CURRENT")
        self._around(userdata, "keep_previous", lambda *_: "KEEP_PREVIOUS", changes=self._aside)
        self._around(retention, "remember_previous", lambda *_: "REMEMBER_PREVIOUS", changes=self._previous)
        self._around(seal, "unmark", lambda *_: "UNMARK", changes=lambda release: release.is_complete)
        self._around(seal, "remove", lambda *_: "REMOVE", changes=lambda release: release.path.is_dir())
        for name in ("__exit__", "switch_back"):
            self._unless_dead(transaction.Transaction, name)

    def _around(
        self, owner: Any, name: str, step: Callable[..., str], changes: Callable[..., Any] | None = None
    ) -> None:
        """Note a step after a function has run, where ``changes`` tells something else than before."""
        real = getattr(owner, name)

        def recorded(*given: Any, **options: Any) -> Any:
            before = changes(*given) if changes else None
            result = real(*given, **options)
            if changes is None or before != changes(*given):
                self._note(step(*given))
            return result

        self._patch.setattr(owner, name, recorded)

    def _unless_dead(self, owner: type, name: str) -> None:
        real = getattr(owner, name)
        self._patch.setattr(owner, name, lambda *given: None if self.is_dead else real(*given))

    def _note(self, step: str) -> None:
        if not step:
            return
        self.steps.append(step)
        if self.dies_after == (step, self.steps.count(step)):
            self.is_dead = True
            raise Killed

    @contextlib.contextmanager
    def killed_after(self, step: str, times: int = 1) -> Iterator[None]:
        """Let what runs in the block die after a step, done for the nth time."""
        self.dies_after = (step, self.steps.count(step) + times)
        try:
            yield
        except Killed:
            pass
        else:
            raise AssertionError(f"{step} was never done: {self.steps}")
        finally:
            self.dies_after, self.is_dead = None, False

    # -- what a step changed ------------------------------------------------------------------------------------------

    _written: tuple[Any, ...] = ()

    def _journal(self, *_given: Any) -> str:
        """A note of a backup or of files beside the user's is no step of the model."""
        entry = journal.read(self._prefix)
        facts = (entry.command, entry.release, entry.former, entry.incoming) if entry else ()
        is_new, self._written = facts != self._written, facts
        return "JOURNAL_WRITE" if is_new else ""

    def _journal_names_data(self) -> bool:
        entry = journal.read(self._prefix)
        return entry is not None and entry.incoming == userdata.INCOMING

    def _data(self, *_given: Any) -> str:
        return userdata.inode(self._prefix.data)

    def _aside(self, *_given: Any) -> list[tuple[str, int]]:
        return sorted((path.name, path.stat().st_ino) for path in self._prefix.backups.glob("data-of-*"))

    def _previous(self, *_given: Any) -> bytes:
        path = self._prefix.state / "previous"
        return path.read_bytes() if path.exists() else b""
