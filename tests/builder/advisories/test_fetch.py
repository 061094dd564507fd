from __future__ import annotations

import pytest

from builder.advisories import fetch
from builder.advisories.records import read_export
from shared.errors import BuildError, UsageError
from shared.terminal.progress import NoProgress
from tests.advisories import NOW, write_export
from tests.servers import Faults, serve


def fetch_export(url, target):
    fetch.fetch_export(url, target, NoProgress(), pause=lambda _seconds: None)


@pytest.fixture
def export(tmp_path):
    return write_export(tmp_path / "source.zip").read_bytes()


def test_from_a_mirror(tmp_path, export):
    with serve({"/PyPI/all.zip": export}) as site:
        fetch_export(f"{site.url}/PyPI/all.zip", tmp_path / "all.zip")
    assert (tmp_path / "all.zip").read_bytes() == export


def test_redirected(tmp_path, export):
    with serve({"/b.zip": export, "/a.zip": b""}) as site:
        site.faults["/a.zip"] = Faults(redirect=f"{site.url}/b.zip")
        fetch_export(f"{site.url}/a.zip", tmp_path / "all.zip")
        assert (tmp_path / "all.zip").read_bytes() == export
        site.faults["/a.zip"] = Faults(redirect="http://example.invalid/b.zip")
        with pytest.raises(UsageError, match="not an https URL"):
            fetch_export(f"{site.url}/a.zip", tmp_path / "all.zip")
        site.faults["/a.zip"] = Faults(redirect=f"{site.url}/a.zip")
        with pytest.raises(BuildError, match="too many redirects"):
            fetch_export(f"{site.url}/a.zip", tmp_path / "all.zip")


def test_cut_off(tmp_path, export):
    with serve({"/all.zip": export}) as site:
        site.faults["/all.zip"] = Faults(cut_after=100, cuts=9)
        with pytest.raises(BuildError, match="Cannot fetch the advisories"):
            fetch_export(f"{site.url}/all.zip", tmp_path / "all.zip")


def test_altered_on_the_way(tmp_path, export):
    with serve({"/all.zip": export[:50] + b"XX" + export[52:]}) as site:
        fetch_export(f"{site.url}/all.zip", tmp_path / "all.zip")
    with pytest.raises(BuildError, match="not a"):
        read_export(tmp_path / "all.zip", NOW)


@pytest.mark.parametrize("status", [404, 403, 500])
def test_refused(tmp_path, status):
    with serve({}) as site:
        site.faults["/all.zip"] = Faults(status=status)
        with pytest.raises(BuildError, match=f"HTTP {status}"):
            fetch_export(f"{site.url}/all.zip", tmp_path / "all.zip")


def test_a_busy_mirror_is_asked_again(tmp_path, export):
    with serve({"/all.zip": export}) as site:
        site.faults["/all.zip"] = Faults(busy=2)
        fetch_export(f"{site.url}/all.zip", tmp_path / "all.zip")
    assert (tmp_path / "all.zip").read_bytes() == export


def test_larger_than_any_export(tmp_path, export, monkeypatch):
    monkeypatch.setattr(fetch, "SIZE_LIMIT", 100)
    with serve({"/all.zip": export}) as site, pytest.raises(BuildError, match="too large"):
        fetch_export(f"{site.url}/all.zip", tmp_path / "all.zip")


def test_nobody_there(tmp_path):
    with serve({}) as site:
        url = site.url
    with pytest.raises(BuildError, match="Cannot fetch the advisories") as caught:
        fetch_export(f"{url}/all.zip", tmp_path / "all.zip")
    assert "advisories import" in caught.value.advice


@pytest.mark.parametrize(
    "url", ["http://example.invalid/all.zip", "ftp://127.0.0.1/x", "all.zip", "file:///etc/x", "https://[x"]
)
def test_addresses(tmp_path, url):
    with pytest.raises(UsageError, match="https"):
        fetch_export(url, tmp_path / "all.zip")
