"""Logs are in English, whatever the operator's language is: a message has both texts."""

from __future__ import annotations

import copy
import pickle

import pytest

from shared import i18n
from shared.errors import HostError, TrustError
from shared.i18n import _, composed, english, joined, plural


@pytest.fixture(autouse=True)
def korean(monkeypatch):
    monkeypatch.setenv("RAGTRACE_LANG", "ko")
    i18n.translations.cache_clear()
    yield
    monkeypatch.undo()
    i18n.translations.cache_clear()


def message(text: str) -> i18n.Message:
    assert isinstance(text, i18n.Message)
    return text


def test_a_message_has_both_texts_and_one_identifier_for_all_values() -> None:
    one, two = (
        message(_("{path} cannot be read: {reason}.").format(path=path, reason=_("none"))) for path in ("/가", "/b")
    )
    assert one == "/가 경로를 읽을 수 없습니다: 없음."
    assert english(one) == "/가 cannot be read: none."
    assert one.id == two.id
    assert one.id != message(_("Host")).id
    for again in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert (again, again.english, again.id) == (one, one.english, one.id)


def test_counts_have_their_own_english_forms() -> None:
    texts = [plural("{count} file", "{count} files", count).format(count=count) for count in (1, 2)]
    assert [english(text) for text in texts] == ["1 file", "2 files"]
    assert message(texts[0]).id == message(texts[1]).id
    assert texts[0] == "파일 1개"


def test_what_is_made_of_messages_has_both_texts() -> None:
    host, none = _("Host"), _("none")
    assert english(composed("{a}: {b}", a=host, b=none)) == "Host: none"
    assert english(joined(", ", [host, "x", none])) == "Host, x, none"
    assert english(host + ", " + none) == english("" + host + ", " + none) == "Host, none"
    assert english((host + "..").rstrip(".")) == "Host"
    assert composed("{a}: {b}", a=host, b=1) == "호스트: 1"
    assert english("plain") == "plain"


def test_an_error_has_both_texts() -> None:
    cause = HostError(_("{path} cannot be read: {reason}.").format(path="a", reason=_("none")))
    error = TrustError(_("not JSON: {reason}").format(reason=cause), _("Host"))
    assert error.english == "not JSON: a cannot be read: none.\nHost"
    assert "읽을 수 없습니다" in str(error)
    assert error.id == message(_("not JSON: {reason}")).id
    assert TrustError("as it is").english == "as it is"
