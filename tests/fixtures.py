"""A host of one's own for each test, and one tiny installation that tests copy."""

from __future__ import annotations

import logging
import os
import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest

from installer.layout.prefix import Prefix
from shared import i18n
from tests.helpers import install
from tests.tiny import Tiny, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a user of an English host whose home is empty; no log outlives the test."""
    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.startswith(("RAGTRACE_", "UV_", "PIP_", "LC_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LANG", "C.UTF-8")
    i18n.translations.cache_clear()
    yield home
    i18n.translations.cache_clear()
    log = logging.getLogger("ragtrace")
    for handler in [handler for handler in log.handlers if isinstance(handler, logging.StreamHandler)]:
        log.removeHandler(handler)
        handler.close()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Give a signed bundle; who changes it takes a copy."""
    return tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def travelled(tiny: Tiny, tmp_path: Path) -> Tiny:
    """Give a copy of the bundle's folder that a test may damage."""
    shutil.copytree(tiny.folder, tmp_path / "travelled")
    return Tiny(tmp_path / "travelled", tiny.key, tiny.manifest)


@pytest.fixture
def unpacked(travelled: Tiny) -> Path:
    """Give an unpacked bundle, its sums and signatures beside it, that a test may damage."""
    with tarfile.open(travelled.archive) as archive:
        archive.extractall(travelled.folder, filter="data")
    travelled.archive.unlink()
    return travelled.folder / travelled.manifest.root


@pytest.fixture(scope="session")
def first_prefix(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prefix") / "app"
    install(tiny, Prefix(root))
    return root


@pytest.fixture
def prefix(first_prefix: Path, tmp_path: Path) -> Prefix:
    """Give a prefix in which the bundle is installed."""
    shutil.copytree(first_prefix, tmp_path / "prefix", symlinks=True)
    return Prefix(tmp_path / "prefix")
