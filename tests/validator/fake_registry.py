"""A registry of Windows for checks, as values in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from validator.checks import windows_settings

if TYPE_CHECKING:
    from types import ModuleType

    import pytest


class FakeRegistry:
    """Keys by hive and path, each with its values; those in ``closed`` may not be read."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], dict[str, Any]] = {}
        self.closed: set[tuple[str, str]] = set()

    def set(self, hive: str, key: str, **values: Any) -> None:
        self.keys.setdefault((hive, key), {}).update(values)

    def read_value(self, hive: str, key: str, name: str) -> Any:
        return (self._open(hive, key) or {}).get(name)

    def value_names(self, hive: str, key: str) -> list[str] | None:
        opened = self._open(hive, key)
        return None if opened is None else list(opened)

    def serve(self, monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> FakeRegistry:
        """Let checks take this for a Windows host with this registry."""
        monkeypatch.setattr(windows_settings, "HERE", True)
        for module in modules:
            for name in ("read_value", "value_names"):
                if hasattr(module, name):
                    monkeypatch.setattr(module, name, getattr(self, name))
        return self

    def _open(self, hive: str, key: str) -> dict[str, Any] | None:
        if (hive, key) in self.closed:
            raise PermissionError(13, "Access is denied", key)
        return self.keys.get((hive, key))
