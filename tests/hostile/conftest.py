"""One good bundle, and one host with an active release, for all hostile cases: none may change it."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from bundle.signing.signature import ED25519
from shared import i18n
from tests.hostile import kit
from tests.keys import SoftKey
from tests.tiny import COUNTER, install_tiny, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> kit.Original:
    return kit.take_apart(tiny_bundle(tmp_path_factory.mktemp("good"), counter=COUNTER + 1), SoftKey(ED25519))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder whose ``prefix`` holds an active release of an earlier bundle."""
    root = tmp_path_factory.mktemp("host") / "a" / "b" / "c" / "d"
    root.mkdir(parents=True)
    install_tiny(tiny_bundle(tmp_path_factory.mktemp("earlier")), root / "prefix")
    return root


@pytest.fixture
def host(installed: Path, original: kit.Original, monkeypatch: pytest.MonkeyPatch) -> Iterator[kit.Host]:
    for name in ("home/.local/state/ragtrace/logs", "cwd", "tmp", "media"):  # a log may be written, in every run
        (installed / name).mkdir(parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith(("RAGTRACE_", "UV_", "PIP_", "LC_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(installed / "home"))
    monkeypatch.setenv("TMPDIR", str(installed / "tmp"))
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.chdir(installed / "cwd")
    i18n.translations.cache_clear()
    yield kit.Host(installed, installed / "prefix", original.key.key.line())
    kit.forget(installed / "media")
    log = logging.getLogger("ragtrace")
    for handler in list(log.handlers):
        if isinstance(handler, logging.StreamHandler):
            log.removeHandler(handler)
            handler.close()


@pytest.fixture
def draft(host: kit.Host, original: kit.Original) -> kit.Draft:
    return original.draft(host.root / "media" / "bundle")


@pytest.fixture
def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test fail when uv gets anything to do with a bundle, refused long before; preflight starts it."""

    def reached(*_arguments: object, **_options: object) -> None:
        pytest.fail("uv was reached")

    for name in ("venv", "sync", "install", "resolve"):
        monkeypatch.setattr(f"shared.programs.uv.Uv.{name}", reached)
