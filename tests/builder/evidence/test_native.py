"""What wheels declare of the software inside them (PEP 770) is read strictly, within bounds, or named as not judged."""

from __future__ import annotations

import json
import re
import zipfile

import pytest

from builder.evidence import native
from builder.evidence.native import Declared, Native, native_of, unjudged_lines

OPENSSL = {"type": "library", "name": "openssl", "version": "4.0.3", "purl": "pkg:generic/openssl@4.0.3?download_url=x"}
CRATE = {"type": "library", "name": "libc", "version": "0.2.1", "purl": "pkg:cargo/libc@0.2.1"}


def wheel(tmp_path, **documents):
    path = tmp_path / "w.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("demo/__init__.py", "")
        for name, data in documents.items():
            text = data if isinstance(data, (str, bytes)) else json.dumps(data)
            archive.writestr(f"demo-1.0.dist-info/sboms/{name}.json", text)
    return path


def document(*components, **more):
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": list(components), **more}


def test_components_are_read_without_the_builders_paths(tmp_path):
    inner = {**CRATE, "components": [{"name": "inner"}]}
    found = native_of(wheel(tmp_path, a=document(OPENSSL), b=document(inner, CRATE)))
    assert found == {
        "demo-1.0": Native(
            (
                Declared("inner", "", ""),
                Declared("libc", "0.2.1", "pkg:cargo/libc@0.2.1"),
                Declared("openssl", "4.0.3", "pkg:generic/openssl@4.0.3"),
            )
        )
    }


def test_a_wheel_without_documents_declares_nothing(tmp_path):
    assert native_of(wheel(tmp_path)) == {}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (json.dumps(document(OPENSSL))[:-10], "not JSON"),
        ("[" * 100_000, "nested too deeply|not JSON"),
        ('{"a": ' * 200 + "1" + "}" * 200, "nested too deeply"),
        ([], "not CycloneDX JSON"),
        ({"spdxVersion": "SPDX-2.3"}, "not CycloneDX JSON"),
        ({"bomFormat": "CycloneDX", "components": {}}, "not a list"),
        (document("openssl"), r"components\[0\]: not an object"),
        (document({"version": "1"}), r"components\[0\].name: not a string"),
        (document({"name": ""}), "empty"),
        (document({"name": "x" * 301}), "longer than 300"),
        (document({"name": "a\x1b[31m"}), "control character"),
        (document({"name": "a", "version": 1}), "version: not a string"),
        (document({"name": "a", "purl": "openssl"}), "not a package URL"),
        (document({"name": "a", "purl": ["pkg:generic/a"]}), "purl: not a string"),
        (document({"name": "a", "components": "b"}), r"components\[0\].components: not a list"),
        ('{"bomFormat": "CycloneDX", "bomFormat": "CycloneDX"}', "duplicate key"),
        ('{"bomFormat": "CycloneDX", "x": NaN}', "not a number"),
    ],
)
def test_a_document_that_cannot_be_read_is_named_and_the_others_count(tmp_path, data, words):
    (found,) = native_of(wheel(tmp_path, bad=data, good=document(OPENSSL))).values()
    assert [one.name for one in found.components] == ["openssl"]
    (reason,) = found.unread
    assert reason.startswith("bad.json")
    assert re.search(words, reason), reason
    assert "\x1b" not in reason


def test_a_huge_document_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "FILE_LIMIT", 1000)
    path = wheel(tmp_path, big=json.dumps(document(OPENSSL)) + " " * 1000)
    (found,) = native_of(path).values()
    assert found.unread == ("big.json: larger than 1000 bytes",)


def test_a_size_that_is_understated_is_an_error(tmp_path):
    path = wheel(tmp_path, lies=json.dumps(document(OPENSSL)) + " " * 5000)
    data = path.read_bytes()
    start = data.rindex(b"PK\x01\x02")
    path.write_bytes(data[: start + 24] + (10).to_bytes(4, "little") + data[start + 28 :])
    (found,) = native_of(path).values()
    assert (found.components, len(found.unread)) == ((), 1)


def test_too_many_components_or_documents_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "COMPONENTS_LIMIT", 3)
    (found,) = native_of(wheel(tmp_path, many=document(*[CRATE] * 4))).values()
    assert found == Native((), ("many.json: more than 3 components",))
    monkeypatch.setattr(native, "FILES_LIMIT", 1)
    (found,) = native_of(wheel(tmp_path, a="", b="", c="")).values()
    assert any("more than 1 documents" in reason for reason in found.unread)


def test_an_installer_declares_by_package(tmp_path):
    path = tmp_path / "i.pyz"
    with zipfile.ZipFile(path, "w") as archive:
        for owner in ("uv-0.13.9", "cryptography-50.0.2"):
            archive.writestr(f"site-packages/{owner}.dist-info/sboms/x.json", json.dumps(document({"name": owner})))
    assert {owner: one.components[0].name for owner, one in native_of(path).items()} == {
        "uv-0.13.9": "uv-0.13.9",
        "cryptography-50.0.2": "cryptography-50.0.2",
    }


def test_no_archive_declares_nothing(tmp_path):
    (tmp_path / "x").write_bytes(b"no archive")
    assert native_of(tmp_path / "x") == {}


def test_what_is_not_judged_is_told():
    library = Declared("openssl", "4.0.3", "pkg:generic/openssl@4.0.3")
    crate = Declared("libc", "0.2.1", "pkg:cargo/libc@0.2.1")
    lines = list(unjudged_lines([("a.whl", Native((crate, library))), ("b.whl", Native((), ("x.json: not JSON",)))]))
    assert lines[0].startswith("Not judged: 2 components inside wheels (openssl 4.0.3);")
    assert lines[1] == "Not judged: the list of the software inside b.whl: x.json: not JSON."
    assert list(unjudged_lines([("a.whl", Native())])) == []
    assert "(libc)" in next(unjudged_lines([("a.whl", Native((crate,)))]))
