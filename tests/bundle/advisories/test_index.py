from __future__ import annotations

import json

import pytest
from packaging.version import Version

from bundle.advisories.index import Advisory, parse_index, write_index
from bundle.advisories.versions import FIRST, Interval, parse_interval, public
from shared.errors import TrustError

FULL = Advisory(
    id="DEMO-2",
    aliases=("CVE-1",),
    severity="high",
    score=7.5,
    fixed=("1.2",),
    summary="Something 한글",
    affected=(Interval(FIRST, True, Version("1.2"), False),),
    possible=(Interval(Version("1.2"), False, Version("1.4"), True),),
    versions=("2013-01-21", "5.0"),
    undecided="why",
)


def test_round_trip():
    index = parse_index(write_index({"b-c": [FULL, Advisory("DEMO-3")], "a": [Advisory("DEMO-1")]}), "index")
    assert list(index.lines) == ["a", "b-c"]
    assert index.of("b-c") == (FULL, Advisory("DEMO-3"))
    assert index.of("other") == ()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:-20],
        lambda data: data + data,
        lambda data: b"".join(reversed(data.splitlines(keepends=True))),
        lambda data: b"x" + data,
    ],
)
def test_spoiled_index(spoil):
    with pytest.raises(TrustError, match="index"):
        parse_index(spoil(write_index({"a": [FULL], "b": [FULL]})), "index")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("severity", "awful"),
        ("severity", None),
        ("score", 11),
        ("score", True),
        ("score", "7"),
        ("affected", ["[1.0,2.0"]),
        ("affected", ["[x,2.0)"]),
        ("affected", ["[1.0.0-1,2.0)"]),
        ("affected", "[1.0,2.0)"),
        ("versions", [1]),
        ("id", ""),
        ("extra", 1),
        ("summary", "a\nb"),
    ],
)
def test_spoiled_line(key, value):
    line = ["a", [{**FULL.to_json(), key: value}]]
    index = parse_index(json.dumps(line, separators=(",", ":")).encode() + b"\n", "index")
    with pytest.raises(TrustError, match=r"a\[0\]"):
        index.of("a")


@pytest.mark.parametrize("line", [b'["a"]', b'["a",[]]', b'["a",{}]', b'["a","b"]', b'["a",[{}'])
def test_broken_line(line):
    with pytest.raises(TrustError, match="a"):
        parse_index(line + b"\n", "index").of("a")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("[1.0,2.0)", ["1.0", "2.0rc1", "2.0.dev0", "1.0.post1"], ["1.0rc1", "2.0", "2.0.0"]),
        ("(1.0,2.0]", ["1.0.post1", "2.0", "2.0rc1"], ["1.0", "2.0.post1", "2.0.1"]),
        (f"[{FIRST},1.0]", ["0.dev0", "0", "1.0"], ["1.1", "1!0"]),
        ("[1.0,)", ["1.0", "9!9"], ["0.9"]),
    ],
)
def test_intervals_and_their_specifiers(text, inside, outside):
    from packaging.specifiers import SpecifierSet

    interval = parse_interval(text, "x")
    assert str(interval) == text
    specifier = SpecifierSet(interval.specifier())
    for one in inside:
        assert interval.holds(Version(one)), one
        assert specifier.contains(one), one
        assert specifier.contains(f"{one}+local.1"), one
    for one in outside:
        assert not interval.holds(Version(one)), one
        assert not specifier.contains(one), one


def test_public():
    assert public("2.6.0+cu124") == Version("2.6.0")
    assert public("1.0RC1") == Version("1.0rc1")
    assert public("2018-04-22b") is None
