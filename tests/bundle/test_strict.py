import json
import re
from dataclasses import fields, is_dataclass
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle import manifest, strict  # the manifest's values are known once it is imported
from bundle.strict import Fields, time_from_json, time_to_json
from shared.errors import TrustError
from tools.catalogues import extract


def loads(data, limit=1000):
    return strict.loads(data, "doc", limit=limit)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "doc: not JSON"),
        (b"{", "doc: not JSON"),
        (b"{} {}", "doc: not JSON"),
        (b"\xff", "doc: not JSON"),
        (b"\xef\xbb\xbf{}", "doc: not JSON"),
        (b'{"a": 1, "a": 1}', "doc: duplicate key"),
        (b'{"x": [{"a": 1, "a": 2}]}', "doc: duplicate key"),
        (b'{"a": NaN}', "doc: NaN is not a number"),
        (b"[-Infinity]", "doc: -Infinity is not a number"),
        (b"[" * 100_000, "doc: larger than 1000 bytes"),
        (b" " * 1001, "doc: larger than 1000 bytes"),
    ],
)
def test_what_is_not_strict_json(data, what):
    with pytest.raises(TrustError) as caught:
        loads(data)
    assert caught.value.what.startswith(what)


def test_depth_is_an_error_not_a_crash():
    with pytest.raises(TrustError, match="doc: not JSON"):
        loads(b"[" * 100_000 + b"]" * 100_000, limit=1 << 20)


def test_a_document_may_have_all_of_its_bytes():
    assert loads(b"{}" + b" " * 998) == {}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text('a한 \n"'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab한"), inner, max_size=3),
)


@given(values)
def test_what_we_write_we_read(value):
    data = strict.dumps(value)
    assert data.endswith(b"\n")
    assert loads(data, limit=1 << 20) == value
    assert strict.dumps(loads(data, limit=1 << 20)) == data


def test_the_one_way_to_write():
    assert strict.dumps({"나": 1, "a": [1.5]}) == '{\n  "a": [\n    1.5\n  ],\n  "나": 1\n}\n'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        strict.dumps(float("nan"))


def refusal(take, value):
    with pytest.raises(TrustError) as caught:
        take(Fields({"k": value}, "doc"))
    return caught.value.what


TAKES = {
    "text": lambda fields: fields.text("k"),
    "short": lambda fields: fields.text("k", limit=3),
    "optional": lambda fields: fields.optional_text("k"),
    "sha256": lambda fields: fields.nested("k", strict.sha256),
    "integer": lambda fields: fields.integer("k", least=1, most=5),
    "number": lambda fields: fields.nested("k", strict.number),
    "choice": lambda fields: fields.nested("k", strict.choice, choices=("a", "b")),
    "texts": lambda fields: fields.nested("k", strict.texts, most=2),
    "mapping": lambda fields: fields.nested("k", strict.mapping, most=2),
    "items": lambda fields: fields.items("k", strict.sha256, most=1),
    "time": lambda fields: fields.nested("k", time_from_json),
    "optional nested": lambda fields: fields.optional("k", time_from_json),
}


@pytest.mark.parametrize(
    ("take", "value", "what"),
    [
        ("text", 1, "doc.k: not a string."),
        ("text", None, "doc.k: not a string."),
        ("text", "", "doc.k: empty."),
        ("text", "a\x1b[2J", "doc.k: contains a control character."),
        ("text", "a\x7f", "doc.k: contains a control character."),
        ("text", "a\x9b", "doc.k: contains a control character."),
        ("text", "a\n", "doc.k: contains a control character."),
        ("text", "\ud800", "doc.k: contains a control character."),
        ("text", "x" * 4097, "doc.k: longer than 4096 characters."),
        ("short", "한국말로", "doc.k: longer than 3 characters."),
        ("optional", "", "doc.k: empty."),
        ("optional", 0, "doc.k: not a string."),
        ("sha256", "0" * 63, "doc.k: not 64 hex digits."),
        ("sha256", "A" * 64, "doc.k: not 64 hex digits."),
        ("sha256", "0" * 63 + "٠", "doc.k: not 64 hex digits."),
        ("integer", 0, "doc.k: not between 1 and 5."),
        ("integer", 6, "doc.k: not between 1 and 5."),
        ("integer", 1.0, "doc.k: not an integer."),
        ("integer", True, "doc.k: not an integer."),
        ("integer", "1", "doc.k: not an integer."),
        ("number", True, "doc.k: not a number, or out of range."),
        ("number", "1", "doc.k: not a number, or out of range."),
        ("number", float("inf"), "doc.k: not a number, or out of range."),
        ("number", 2.0**54, "doc.k: not a number, or out of range."),
        ("choice", "c", "doc.k: not one of a, b."),
        ("texts", "ab", "doc.k: not a list."),
        ("texts", ["a", "b", "c"], "doc.k: more than 2 items."),
        ("texts", ["a", 1], "doc.k[1]: not a string."),
        ("items", ["0" * 63], "doc.k[0]: not 64 hex digits."),
        ("mapping", [], "doc.k: not an object with at most 2 keys."),
        ("mapping", dict.fromkeys("abc", ""), "doc.k: not an object with at most 2 keys."),
        ("mapping", {"a": 1}, "doc.k.a: not a string."),
        ("mapping", {"": "x"}, "doc.k: empty."),
        ("mapping", {"a\n": "x"}, "doc.k: contains a control character."),
        ("time", "2026-01-31", "doc.k: not a time of the form 2026-01-31T12:00:00Z."),
        ("optional nested", 5, "doc.k: not a string."),
    ],
)
def test_each_refusal_names_its_path(take, value, what):
    assert refusal(TAKES[take], value) == what


@pytest.mark.parametrize(
    ("take", "value", "result"),
    [
        ("text", "한 줄", "한 줄"),
        ("short", "한국말", "한국말"),
        ("optional", None, None),
        ("optional", "x", "x"),
        ("sha256", "0a" * 32, "0a" * 32),
        ("integer", 1, 1),
        ("integer", 5, 5),
        ("number", 2, 2.0),
        ("choice", "b", "b"),
        ("texts", ["a", "b"], ("a", "b")),
        ("mapping", {"a": "", "b": "x"}, {"a": "", "b": "x"}),
        ("optional nested", None, None),
    ],
)
def test_what_is_right_is_taken(take, value, result):
    fields = Fields({"k": value}, "doc")
    assert TAKES[take](fields) == result
    fields.done()


def test_every_key_is_accounted_for():
    with pytest.raises(TrustError, match=r"^doc: not an object\.$"):
        Fields([], "doc")
    with pytest.raises(TrustError, match=r"^doc\.a: missing\.$"):
        Fields({}, "doc").text("a")
    fields = Fields({"a": "x", "b": 1}, "doc")
    fields.text("a")
    with pytest.raises(TrustError, match=r"^doc\.b: unknown key\.$"):
        fields.done()
    with pytest.raises(TrustError, match=r"^doc\.a: missing\.$"):
        fields.text("a")


def test_a_hostile_key_does_not_steer_the_terminal():
    with pytest.raises(TrustError) as caught:
        Fields({"\x1b[2J\u202e" + "x" * 1000: 1}, "doc").done()
    assert caught.value.what.isprintable()
    assert len(caught.value.what) < 200


def test_taking_leaves_the_callers_value_alone():
    value = {"a": "x"}
    Fields(value, "doc").text("a")
    assert value == {"a": "x"}


@given(st.integers(0, 32_000_000_000))
def test_times_round_trip(seconds):
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    assert time_from_json(time_to_json(moment), "t") == moment


@pytest.mark.parametrize(
    "text",
    [
        "1969-12-31T23:59:59Z",
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:59:60Z",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.0Z",
        "2026-01-01T00:00:00z",
        "2026-01-01 00:00:00Z",
        "٢٠٢٦-01-01T00:00:00Z",
    ],
)
def test_times_have_one_form(text):
    with pytest.raises(TrustError, match="not a time"):
        time_from_json(text, "t")


def test_the_clock_of_another_zone_is_written_in_utc():
    seoul = datetime.fromisoformat("2026-01-31T21:00:00+09:00")
    assert time_to_json(seoul) == "2026-01-31T12:00:00Z"


def test_json_that_others_write_is_read():
    assert loads(json.dumps({"한": [1, None, True]}).encode()) == {"한": [1, None, True]}


@pytest.mark.parametrize("depth", [strict.NESTING_LIMIT, 1_000, 5_000, 100_000])
@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deeply_is_no_json(depth, start, end):
    inner = "1" if start != "[" else ""
    text = start * (depth + 1) + inner + end * (depth + 1)
    with pytest.raises(ValueError, match="nested too deeply"):
        strict.parse(text)
    with pytest.raises(TrustError, match="nested too deeply"):
        strict.loads(text.encode(), "x.json", limit=10**9)
    fitting = start * strict.NESTING_LIMIT + inner + end * strict.NESTING_LIMIT
    assert strict.parse(fitting)


def every_value(kind=strict.Value):
    for below in kind.__subclasses__():
        yield below
        yield from every_value(below)


def test_what_is_allowed_is_said_in_words_and_never_as_a_regular_expression():
    """Of every field that is matched, in every document that ships."""
    readers = {
        (kind, field.name): field.metadata["read"]
        for kind in filter(is_dataclass, every_value())
        for field in fields(kind)
        if field.metadata and field.metadata["read"].func is strict.matching
    }
    assert (manifest.Product, "title") in readers
    assert len(readers) >= 9
    for read in readers.values():
        with pytest.raises(TrustError) as caught:
            read("\u00e9 ", "where")
        assert not re.search(r"[\[\]{}\\|*]|\)\?", caught.value.what), caught.value.what


def test_no_text_of_ours_is_a_regular_expression():
    shown = [message.id if isinstance(message.id, str) else message.id[0] for message in extract() if message.id]
    assert [text for text in shown if re.search(r"\[[a-zA-Z0-9!]-|\{[0-9]+,[0-9]*\}|\\[wdsS]", text)] == []
