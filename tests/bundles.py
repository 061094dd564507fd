"""A small valid bundle in memory: a manifest, and the bytes of every file that it names."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from bundle.manifest import FileEntry, Manifest, Package, Product
from bundle.product.application import Application, Launcher
from bundle.product.environment import Environment
from bundle.product.model import Model, Probe
from bundle.target import Target

WHEEL = "02_Dependencies/wheels/demo_lib-1.2.0-py3-none-any.whl"

# path → (kind, content), in the order in which they are packed
CONTENTS: dict[str, tuple[str, bytes]] = {
    "02_Dependencies/pylock.toml": ("lock", b'lock-version = "1.0"\n'),
    WHEEL: ("wheel", b"PK\x05\x06" + bytes(18)),
    "03_Source/app.py": ("source", b"print('hello')\n"),
    "03_Source/data/질문.csv": ("source", "질문,답\n".encode()),
    "04_Scripts/install.sh": ("script", b"#!/bin/sh\n"),
    "05_Documentation/OPERATING.md": ("document", b"# Installing\n"),
    "07_Models/tiny/config.json": ("model", b"{}\n"),
}


def entry(path: str, kind: str, data: bytes) -> FileEntry:
    """Return the manifest's entry for a file with these bytes."""
    return FileEntry(path, len(data), hashlib.sha256(data).hexdigest(), kind)


def make_manifest(**changes: Any) -> Manifest:
    """Return a valid manifest of CONTENTS; ``changes`` replace fields of Manifest."""
    manifest = Manifest(
        product=Product("demo-app", "Demo-App", "1.0.0", 1_700_000_000),
        target=Target("linux", "x86_64", "3.11"),
        python_range=None,
        created="2026-01-31T12:00:00Z",
        lock_sha256=hashlib.sha256(b"lock").hexdigest(),
        source_commit="0123456789abcdef0123456789abcdef01234567",
        files=tuple(entry(path, kind, data) for path, (kind, data) in CONTENTS.items()),
        packages=(Package("demo-lib", "1.2.0", WHEEL, "MIT"),),
        models=(Model("tiny", "demo/tiny", "main", Probe(("demo", "embed"), "hello", (0.5, -0.25), 0.001)),),
        application=Application(
            launchers=(Launcher("demo", "script", "app.py"),),
            environment=Environment(
                {"DEMO_API_KEY": "placeholder"}, ("DEMO_API_KEY",), {"DEMO_MODEL": "{models}/tiny"}
            ),
            core_imports=("demo_lib",),
            persist=("data",),
            smoke=(("demo", "--help"),),
        ),
        installed_bytes=4096,
        installed_files=1,
    )
    return replace(manifest, **changes)
