"""A bundle's wheels as an index: read by pip and uv themselves, from a server and from its folder."""

from __future__ import annotations

import functools
import http.server
import json
import os
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import uv
from packaging.utils import parse_wheel_filename

from bundle.opening import open_bundle
from bundle.signing.policy import pins
from bundle.signing.signature import parse_public_key
from installer.wheel_index import pages, write
from shared.errors import HostError, TrustError, UsageError
from shared.files import files
from shared.processes import process
from shared.terminal.progress import NoProgress
from tests.stories.workshop import clean, succeeded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.opening import Bundle

pytestmark = pytest.mark.usefixtures("host")


def opened(tiny, folder: Path | None = None) -> Bundle:
    key = parse_public_key(tiny.key.read_text())
    return open_bundle(folder or tiny.folder, pins([key], 1))


@pytest.fixture
def index(tiny, tmp_path) -> write.Index:
    return write.write(opened(tiny), tmp_path / "pypi", NoProgress())


@pytest.fixture
def server(index) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        asked: list[str] = []  # noqa: RUF012 - one server, one test

        def log_message(self, *_words: object) -> None:
            self.asked.append(self.path)

    Quiet.asked.clear()
    handler = functools.partial(Quiet, directory=str(index.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        running.asked = Quiet.asked  # type: ignore[attr-defined]
        yield f"http://127.0.0.1:{running.server_port}/simple/"
        running.shutdown()


def installed(site: Path) -> set[str]:
    return {path.name.partition(".dist-info")[0] for path in site.glob("*.dist-info")}


def wanted(tiny) -> set[str]:
    return {f"{package.name.replace('-', '_')}-{package.version}" for package in tiny.manifest.packages}


@pytest.mark.parametrize("where", ["server", "folder"])
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_pip_and_uv_install_from_it(tool, where, index, tiny, tmp_path, request) -> None:
    url = request.getfixturevalue("server") if where == "server" else index.simple.as_uri()
    names = [package.name for package in tiny.manifest.packages]
    argv = {
        "pip": [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--only-binary=:all:", "--isolated"],
        "uv": [uv.find_uv_bin(), "pip", "install", "--no-cache", "--no-config", "--python", sys.executable],
    }[tool]
    site = tmp_path / "site"
    done = process.run([*argv, "--index-url", url, "--target", str(site), *names], env=clean(), timeout=300)
    succeeded(done)
    assert installed(site) == wanted(tiny)


def test_the_pages_say_what_the_manifest_says(index, tiny) -> None:
    listed = json.loads((index.simple / "index.json").read_text())
    assert [project["name"] for project in listed["projects"]] == sorted(
        package.name for package in tiny.manifest.packages
    )
    for package in tiny.manifest.packages:
        page = json.loads((index.simple / package.name / "index.json").read_text())
        (file,) = page["files"]
        entry = tiny.manifest.entry(package.wheel)
        assert (page["name"], page["versions"]) == (package.name, [package.version])
        assert file["hashes"] == {"sha256": entry.sha256}
        assert parse_wheel_filename(file["filename"])[0] == package.name
        wheel = (index.simple / package.name / file["url"]).resolve()
        assert wheel.stat().st_size == entry.size == file["size"]
        text = (index.simple / package.name / "index.html").read_text()
        assert f"#sha256={entry.sha256}" in text
        assert f'data-core-metadata="sha256={file["core-metadata"]["sha256"]}"' in text


def test_names_and_versions_are_escaped() -> None:
    wheel = pages.Wheel("a", "1+cu", "a-1+cu-py3-none-any.whl", 1, "f" * 64, "e" * 64, '>=3.9,<4 "')
    text = pages.project_pages("a", [wheel])["index.html"].decode()
    assert "files/a-1%2Bcu-py3-none-any.whl#sha256" in text
    assert 'data-requires-python="&gt;=3.9,&lt;4 &quot;"' in text


def test_an_altered_archive_leaves_nothing(travelled, tmp_path) -> None:
    bundle = opened(travelled)
    data = bytearray(travelled.archive.read_bytes())
    data[len(data) // 2] ^= 1
    travelled.archive.write_bytes(data)
    (tmp_path / "here").mkdir()
    with pytest.raises(TrustError):
        write.write(bundle, tmp_path / "here" / "pypi", NoProgress())
    assert not os.listdir(tmp_path / "here")


def test_a_delta_without_its_wheels_is_refused(tiny, tmp_path) -> None:
    bundle = replace(opened(tiny), base=tiny.manifest)
    with pytest.raises(UsageError, match="does not contain all wheels"):
        write.write(bundle, tmp_path / "pypi", NoProgress())


def test_a_folder_that_exists_and_a_full_disk_are_refused(tiny, tmp_path, monkeypatch) -> None:
    with pytest.raises(UsageError, match="already exists"):
        write.write(opened(tiny), tmp_path, NoProgress())
    monkeypatch.setattr(files, "free_bytes", lambda _path: 1)
    with pytest.raises(HostError, match="too little space"):
        write.write(opened(tiny), tmp_path / "pypi", NoProgress())
    assert not (tmp_path / "pypi").exists()
