"""One rule for redirects, credentials and time limits, whoever sends the request."""

from __future__ import annotations

import httpx2
import pytest

from builder.fetch import client
from builder.fetch.client import Client, RedirectError, TransientError, require_ready, retried
from builder.fetch.credentials import Bearer
from shared.errors import BuildError
from tests.servers import Faults, serve

pytestmark = pytest.mark.usefixtures("no_network_settings")


@pytest.mark.parametrize("target", ["http://elsewhere.test/x", "ftp://elsewhere.test/x", "file:///etc/passwd"])
def test_https_is_not_left(target):
    with Client() as asking:
        here = httpx2.URL("https://index.test/x")
        with pytest.raises(RedirectError) as caught:
            asking._check_redirect(here, httpx2.URL(target))
        assert "foo: index.test redirects to a URL that is not safe" in caught.value.explained("foo").what
        for allowed in ("https://cdn.test/x", "http://127.0.0.1:8000/x", "http://[::1]:8000/x"):
            asking._check_redirect(here, httpx2.URL(allowed))


def test_http_is_followed_from_http_unless_only_what_is_safe_will_do():
    old, new = httpx2.URL("http://index.test/x"), httpx2.URL("http://files.test/x")
    with Client() as lenient, Client(plain=False) as strict:
        lenient._check_redirect(old, new)
        with pytest.raises(RedirectError):
            strict._check_redirect(old, new)


@pytest.mark.parametrize("how", ["open", "get"])
def test_a_credential_comes_back_with_its_origin_and_goes_nowhere_else(how):
    with serve({"/end": b"x"}) as home, serve() as other:
        home.faults["/start"] = Faults(redirect=f"{other.url}/between")
        other.faults["/between"] = Faults(redirect=f"{home.url}/end")
        with Client((Bearer(home.url, "token"),)) as asking:
            answer = getattr(asking, how)(f"{home.url}/start")
            assert answer.read() == b"x"
        assert [seen.authorization for seen in home.seen] == ["Bearer token", "Bearer token"]
        assert [seen.authorization for seen in other.seen] == [None]


def test_a_header_that_a_library_sets_itself_does_not_pass():
    with serve({"/a": b"x"}) as site, Client() as asking:
        asking.get(f"{site.url}/a", headers={"Authorization": "Bearer stray"})
        assert site.seen[0].authorization is None


def test_a_library_that_asks_for_no_time_limit_gets_ours(monkeypatch):
    limits = []
    with serve({"/a": b"x"}) as site, Client(timeout=client.ANSWERS) as asking:
        asking.event_hooks = {"request": [lambda request: limits.append(request.extensions["timeout"])]}
        asking.get(f"{site.url}/a", timeout=None)
    assert limits == [client.ANSWERS.as_dict()]


def test_network_settings_that_are_not_valid_are_told(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy")
    with pytest.raises(BuildError, match="network settings"):
        Client()


def test_what_may_pass_is_asked_again_as_often_as_is_said_and_as_late_as_the_server_wishes():
    pauses: list[float] = []

    def question():
        require_ready(httpx2.Response(429, headers={"Retry-After": "7"}))

    with pytest.raises(TransientError, match="HTTP 429"):
        retried(question, 3, pauses.append)
    assert pauses == [7.0, 7.0]
    with pytest.raises(TransientError):
        retried(question, 9, lambda pause: pauses.append(pause) or len(pauses) == 3)
    assert len(pauses) == 3  # whoever waits may end it
