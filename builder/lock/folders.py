"""The versions of packages that come from folders, which uv.lock contains and the exported pylock.toml does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import tomllib
from packaging.version import Version

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.pylock import Pylock

FOLDERS = ("editable", "directory")  # of source in uv.lock


def with_versions(pylock: Pylock, root: Path) -> Pylock:
    """Return an export whose folders have their versions in uv.lock; dynamic ones have none, there neither."""
    if not any(package.directory for package in pylock.packages):
        return pylock
    document: dict[str, Any] = tomllib.loads((root / "uv.lock").read_text(encoding="utf-8"))
    known = {
        package["name"]: Version(package["version"])
        for package in document.get("package", ())
        if "version" in package and not set(FOLDERS).isdisjoint(package.get("source", ()))
    }
    packages = [
        replace(package, version=known[package.name]) if package.directory and package.name in known else package
        for package in pylock.packages
    ]
    return replace(pylock, packages=packages)
