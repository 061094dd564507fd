import io
import tarfile
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bundle.names import MEMBER_LIMIT, PART_LIMIT, PARTS_LIMIT, collision, problem, split_ustar, too_far


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b/c.txt",
        ".env.example",
        "a..b",
        "data/질문 목록.csv",
        "café",
        "_/~",
        "a" * 255,
        "콘",
        "console",
        "com10",
    ],
)
def test_good_paths(path):
    assert problem(path) is None


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "not a relative path"),
        ("/etc/passwd", "not a relative path"),
        ("../a", "'..' part"),
        ("a/../b", "'..' part"),
        ("a/./b", "'.'"),
        ("a//b", "empty"),
        ("a/", "empty"),
        ("a\\b", "Windows does not allow"),
        ("C:/a", "Windows does not allow"),
        ("a:stream", "Windows does not allow"),
        ("a*", "Windows does not allow"),
        ("a\nb", "control"),
        ("a\x00", "control"),
        ("a\x7f", "control"),
        ("a\u202egpj.exe", "invisible"),
        ("a\u200b", "invisible"),
        ("\ufeffa", "invisible"),
        ("a\u2028b", "invisible"),
        ("a\u2029b", "invisible"),
        ("\ud800", "invisible"),
        ("\ue000", "invisible"),
        (unicodedata.normalize("NFD", "질문"), "form C"),
        (unicodedata.normalize("NFD", "café"), "form C"),
        ("a.", "ends with a dot"),
        ("a /b", "space"),
        (" a", "space"),
        ("a/b. ", "space"),
        ("con", "reserved name"),
        ("a/NUL.txt", "reserved name"),
        ("Com1", "reserved name"),
        ("com².log", "reserved name"),
        ("CONIN$", "reserved name"),
        ("aux .txt", "reserved name"),
        ("a" * 256, "has a name longer than 255"),
        ("a" * 254 + "é", "has a name longer than 255"),
        ("d/" * 64 + "a", "in more than 63 folders"),
    ],
)
def test_bad_paths(path, why):
    assert why in problem(path)


parts = st.text(st.sampled_from("ab한é."), min_size=1, max_size=40)


@given(st.lists(parts, min_size=1, max_size=8).map("/".join))
@example("d" * 155 + "/" + "n" * 100)
@example("d" * 154 + "/" + "n" * 100)
@example("d/" + "n" * 100)
def test_split_is_what_tar_reads(path):
    split = split_ustar(path)
    if split is None:
        with pytest.raises(ValueError, match="name is too long"):
            tarfile.TarInfo(path).tobuf(tarfile.USTAR_FORMAT)
        return
    prefix, name = split
    assert len(prefix) <= 155
    assert 0 < len(name) <= 100
    # what the standard library makes of a header with these two fields
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT))
    header[0:100] = name.ljust(100, b"\0")
    header[345:500] = prefix.ljust(155, b"\0")
    header[148:156] = b"%06o\0 " % (256 + sum(header[:148]) + sum(header[156:]))
    with tarfile.open(fileobj=io.BytesIO(bytes(header) + bytes(1024)), encoding="utf-8") as archive:
        assert archive.getnames() == [path]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("a", "A"),
        ("a", "a"),
        ("straße", "STRASSE"),
        ("ﬁle", "file"),
        ("Ａ", "a"),
        ("İ", "i̇"),
        ("a/B/c", "a/b/d"),
        ("a", "a/b"),
        ("A", "a/b"),
        ("질문/x", unicodedata.normalize("NFD", "질문") + "/y"),
    ],
)
def test_paths_that_meet_on_some_host(one, two):
    assert set(collision([one, two])) == {one, two}
    assert set(collision(["other", two, "last", one])) == {one, two}


def test_paths_that_do_not_meet():
    assert collision([]) is None
    assert collision(["a/b", "a/c", "a/b2/c", "ab", "A2"]) is None


@pytest.mark.parametrize(
    ("member", "why"),
    [
        ("d/" * (PARTS_LIMIT - 1) + "x", None),
        ("d/" * PARTS_LIMIT + "x", "in more than 63 folders"),
        ("d/" * 1500 + "x", "in more than 63 folders"),
        ("x" * PART_LIMIT, None),
        ("x" * (PART_LIMIT + 1), "has a name longer than 255"),
        ("콘" * 86, "has a name longer than 255"),
        (("x" * 204 + "/") * 4 + "x" * 204, None),
        (("x" * 204 + "/") * 4 + "x" * 205, "longer than 1024 bytes"),
    ],
)
def test_how_far_a_wheel_goes(member, why):
    found = too_far(member)
    assert (found is None) == (why is None)
    assert found is None or why in found
    assert why is not None or len(member.encode()) <= MEMBER_LIMIT
