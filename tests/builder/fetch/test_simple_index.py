"""Pages of an index are read in both forms; what is no answer is said, and no secret with it."""

from __future__ import annotations

import json
import threading
from contextlib import closing

import pytest

from builder.fetch import simple_index
from builder.fetch.credentials import Login
from builder.fetch.simple_index import JSON, Offer, SimpleIndex, UnansweredError
from tests.servers import Faults, serve

DIGEST = "a" * 64
HTML = f"""<!DOCTYPE html><html><body>
<a href="/files/demo-1.0-py3-none-any.whl#sha256={DIGEST}" data-provenance="/integrity/demo">demo-1.0</a>
<a href="https://files.localhost/demo-0.9.tar.gz#md5=0">demo-0.9.tar.gz</a><a name="x">no file</a></body></html>"""
FILES = [
    {"filename": "demo-1.0-py3-none-any.whl", "hashes": {"sha256": DIGEST}, "provenance": "/integrity/demo"},
    {"filename": "demo-0.9.tar.gz", "hashes": {}, "provenance": None},
]


class Pausing(threading.Event):
    """Waits for nobody."""

    def wait(self, timeout=None) -> bool:
        return self.is_set()


def offers(site, path="/simple", logins=()):
    with closing(SimpleIndex(logins, Pausing())) as index:
        return index.page(f"{site.url}{path}/", "demo").offers


def expected(site):
    return {
        "demo-1.0-py3-none-any.whl": Offer(DIGEST, f"{site.url}/integrity/demo"),
        "demo-0.9.tar.gz": Offer(None, None),
    }


def test_both_forms_of_a_page() -> None:
    page = json.dumps({"meta": {"api-version": "1.3"}, "name": "demo", "files": FILES}).encode()
    with serve({"/simple/demo/": HTML.encode(), "/json/demo/": page}) as site:
        site.types["/json/demo/"] = JSON
        assert offers(site) == expected(site)
        assert offers(site, "/json") == expected(site)


@pytest.mark.parametrize(
    ("value", "mark", "reason"),
    [(False, "", None), (True, "data-yanked", ""), ("bad", 'data-yanked="bad"', "bad"), (7, 'data-yanked=""', "")],
)
def test_a_yanked_file_and_the_state_of_a_project(value, mark, reason) -> None:
    state = {"project-status": {"status": "quarantined", "reason": "malware"}}
    page = json.dumps({**state, "files": [{**FILES[0], "yanked": value}]}).encode()
    names = (("pypi:project-status", "quarantined"), ("pypi:project-status-reason", "malware"), ("generator", "x"))
    head = "".join(f'<meta name="{name}" content="{content}">' for name, content in names)
    html = f'<html><head>{head}</head><a {mark} href="/files/{FILES[0]["filename"]}">x</a></html>'
    with serve({"/simple/demo/": html.encode(), "/json/demo/": page}) as site:
        site.types["/json/demo/"] = JSON
        for path in ("/simple", "/json"):
            with closing(SimpleIndex((), Pausing())) as index:
                found = index.page(f"{site.url}{path}", "demo")
            assert found.offers[str(FILES[0]["filename"])].yanked == reason
            assert (found.status, found.reason) == ("quarantined", "malware")


@pytest.mark.parametrize("status", [None, [], "x", {}, {"status": 7, "reason": None}])
def test_a_state_that_is_none(status) -> None:
    page = json.dumps({"files": FILES, "project-status": status}).encode()
    with serve({"/json/demo/": page}) as site, closing(SimpleIndex((), Pausing())) as index:
        site.types["/json/demo/"] = JSON
        found = index.page(f"{site.url}/json", "demo")
        assert (found.status, found.reason) == ("", "")


@pytest.mark.parametrize(
    "page", [b"[" * 200_000, b"\xff", b"{}", b"[]", b'{"files": [1]}', b'{"files": [{}]}', b"<html>"]
)
def test_a_page_that_is_none(page) -> None:
    with serve({"/simple/demo/": page}) as site:
        site.types["/simple/demo/"] = JSON
        with pytest.raises(UnansweredError, match="no page of a simple index"):
            offers(site)


def test_a_busy_index_is_asked_again_and_a_dead_one_is_given_up() -> None:
    with serve({"/simple/demo/": HTML.encode()}) as site:
        faults = site.faults["/simple/demo/"] = Faults(busy=simple_index.ATTEMPTS - 1)
        assert offers(site) == expected(site)
        faults.busy = simple_index.ATTEMPTS
        with pytest.raises(UnansweredError, match="HTTP 503"):
            offers(site)
        faults.busy, faults.status = 0, 404
        with pytest.raises(UnansweredError, match="HTTP 404"):
            offers(site)
    with pytest.raises(UnansweredError):
        offers(site)


def test_an_endless_answer_is_cut(monkeypatch) -> None:
    monkeypatch.setattr(simple_index, "PAGE_LIMIT", 100)
    with serve({"/simple/demo/": HTML.encode()}) as site, pytest.raises(UnansweredError, match="more than 100 bytes"):
        offers(site)


def test_credentials_stay_with_their_origin() -> None:
    with serve({"/elsewhere/": HTML.encode()}) as other, serve() as site:
        site.faults["/simple/demo/"] = Faults(redirect=f"{other.url}/elsewhere/")
        found = offers(site, logins=[Login(site.url, "me", "secret")])
        assert found.keys() == expected(other).keys()
        assert site.requests("/simple/demo/")[0].authorization
        assert other.requests("/elsewhere/")[0].authorization is None


def test_redirects_end() -> None:
    with serve() as site:
        site.faults["/simple/demo/"] = Faults(redirect="/simple/demo/")
        with pytest.raises(UnansweredError, match="too many redirects"):
            offers(site)
        site.faults["/simple/demo/"] = Faults(redirect="ftp://files.localhost/")
        with pytest.raises(UnansweredError, match="redirects"):
            offers(site)


def test_a_name_with_a_local_version_is_that_of_the_file() -> None:
    page = f'<a href="/files/demo-1.0%2Bcpu-py3-none-any.whl#sha256={DIGEST}">demo</a>'
    with serve({"/simple/demo/": page.encode()}) as site:
        assert offers(site) == {"demo-1.0+cpu-py3-none-any.whl": Offer(DIGEST, None)}


def test_a_host_that_cannot_be_reached_is_not_tried_again() -> None:
    with serve({"/simple/demo/": HTML.encode()}) as site, closing(SimpleIndex((), Pausing())) as index:
        faults = site.faults["/simple/demo/"] = Faults(busy=simple_index.ATTEMPTS)
        for _again in range(2):
            with pytest.raises(UnansweredError, match="HTTP 503"):
                index.page(f"{site.url}/simple", "demo")
        assert faults.busy == 0
        assert len(site.requests("/simple/demo/")) == simple_index.ATTEMPTS


def test_an_answer_that_takes_too_long_is_left(monkeypatch) -> None:
    monkeypatch.setattr(simple_index, "LONGEST", -1.0)
    with (
        serve({"/simple/demo/": HTML.encode()}) as site,
        pytest.raises(UnansweredError, match="no complete response within"),
    ):
        offers(site)
