"""Hostile bundles by the thousand: every field of every format of a bundle, with every value that it should not have.

All are signed by the trusted key, because a signer may err; what the signature itself is made of is bent after it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bundle.digest import sha256_bytes
from bundle.lock import PYLOCK
from bundle.manifest import NAME, FileEntry
from tests.hostile import kit
from tests.hostile.test_wheels import GOOD, INFO, RECORD, line, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Change = Callable[[kit.Draft], kit.Draft]

# what a field may hold, written as JSON: wrong kinds, bounds, and texts that steer something
VALUES = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "negative": "-1",
    "negative-zero": "-0",
    "huge": str(1 << 53),
    "beyond-64-bits": str(1 << 70),
    "digits": "9" * 5000,
    "fraction": "1.5",
    "nan": "NaN",
    "infinity": "-Infinity",
    "overflow": "1e999",
    "empty": '""',
    "space": '" "',
    "long": json.dumps("a" * 300),
    "very-long": json.dumps("a" * 70_000),
    "climbs": '"../../../../evil"',
    "absolute": '"/dev/full"',
    "dots": '".."',
    "drive": '"C:\\\\evil"',
    "reserved": '"con"',
    "dash": '"-"',
    "option": '"--help"',
    "newline": '"a\\nb"',
    "escape": '"\\u001b[2J"',
    "bidi": '"a\\u202eb"',
    "separator": '"a\\u2028b"',
    "half": '"\\ud800"',
    "nul": '"a\\u0000b"',
    "place": '"{prefix}{0}{"',
    "percent": '"%s%n$(id)`id`"',
    "shell": '"\'; id #"',
    "letters": json.dumps("한글 🙂", ensure_ascii=False),
    "bytes-alike": json.dumps("ı" * 90, ensure_ascii=False),
    "list": "[]",
    "object": "{}",
    "list-of-nulls": "[null, null]",
    "list-of-lists": "[[[]]]",
    "long-list": json.dumps([""] * 5000),
    "object-in-it": '{"a": {"b": []}}',
    "nested": "[" * 90 + "]" * 90,
    "nested-deeply": "[" * 100_000 + "]" * 100_000,
}
_HERE = "@the hostile value@"
# the same for texts that are no JSON
TEXTS = {
    "empty": b"",
    "newlines": b"\n" * 5,
    "nul": b"\0",
    "not-utf-8": b"\xff\xfe\x80",
    "surrogate": b"\xed\xa0\x80",
    "half-a-line": b"Name",
    "long-line": b"a" * 300_000,
    "many-lines": b"a,b,c\n" * 50_000,
    "quote": b'"',
    "quotes": b'"a\n","b"\n',
    "section": b"[",
    "percent": b"[console_scripts]\na = %(b)s\n",
    "bom": b"\xef\xbb\xbfName: tiny-unused\n",
    "nested": b"[" * 100_000,
    "nested-toml": b"a = " + b"[" * 100_000,
    "nested-objects": b'{"a":' * 100_000,
    "nan": b"NaN",
    "digits": b"9" * 5000,
    "list": b"[]",
    "null": b"null",
    "steering": b"\x1b[2J\x1b]0;evil\x07\n",
}


@dataclass(frozen=True)
class Case:
    """A name, and what makes the draft of a hostile bundle of that of a good one.

    ``late`` changes what was written and signed.
    """

    name: str
    change: Change
    late: Callable[[kit.Draft], None] = lambda draft: None


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to everything in a document, of lists to their first item alone."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


def with_value(document: Any, path: tuple[str | int, ...], text: str) -> bytes:
    """Return the JSON of a document with a text in the place of one value."""
    *way, last = path
    copy = json.loads(json.dumps(document))
    value = copy
    for step in way:
        value = value[step]
    value[last] = _HERE
    return _written(copy).replace(json.dumps(_HERE).encode(), text.encode())


def _written(document: Any) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def keys(document: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield what becomes of an object whose key is missing, unknown, or there twice."""
    *way, last = path
    for kind in ("gone", "renamed", "twice", "more"):
        copy = json.loads(json.dumps(document))
        value = copy
        for step in way:
            value = value[step]
        if kind == "twice":
            value[_HERE] = value[last]
        elif kind == "more":
            value[f"{last}\x1b\n"] = value[last]
        else:
            taken = value.pop(last)
            if kind == "renamed":
                value[f"{last} "] = taken
        yield kind, _written(copy).replace(_HERE.encode(), str(last).encode())


def bent_json(document: Any) -> Iterator[tuple[str, bytes]]:
    """Yield every hostile form of a document, named."""
    for path in places(document):
        where = ".".join(map(str, path))
        yield from ((f"{where}-{name}", with_value(document, path, text)) for name, text in VALUES.items())
        if isinstance(path[-1], str):
            yield from ((f"{where}-{name}", data) for name, data in keys(document, path))


# 1. the manifest


def _with_manifest(data: bytes, draft: kit.Draft) -> kit.Draft:
    draft.manifest = draft.parts[0].data = data
    return draft


def manifests(original: kit.Original) -> Iterator[Case]:
    for name, data in bent_json(original.manifest.to_json() | {"format": original.manifest.written_format()}):
        yield Case(f"manifest-{name}", partial(_with_manifest, data))
    for name, data in TEXTS.items():
        yield Case(f"manifest-whole-{name}", partial(_with_manifest, data))


# 2. what is signed, and the signature


def _sums(data: bytes, draft: kit.Draft) -> None:
    draft.sign(sums=data)


def _bent_sums(old: bytes, new: bytes, draft: kit.Draft) -> None:
    draft.sign(sums=draft.sums_file.read_bytes().replace(old, new))


def _signature(data: bytes, draft: kit.Draft) -> None:
    draft.signature_file.write_bytes(data)


def _cut_signature(at: float, new: bytes, draft: kit.Draft) -> None:
    data = draft.signature_file.read_bytes()
    place = int(len(data) * at)
    draft.signature_file.write_bytes(data[:place] + new + data[place + len(new) :])


def signed(_original: kit.Original) -> Iterator[Case]:
    def same(draft: kit.Draft) -> kit.Draft:
        return draft

    for name, data in TEXTS.items():
        yield Case(f"sums-whole-{name}", same, partial(_sums, data))
        yield Case(f"sums-name-{name}", same, partial(_bent_sums, NAME.encode(), data))
        yield Case(f"sums-space-{name}", same, partial(_bent_sums, b"  ", data))
        yield Case(f"signature-whole-{name}", same, partial(_signature, data))
        yield Case(f"archive-whole-{name}", same, partial(_archive, data))
    for percent in range(0, 100, 4):
        for kind, data in (("nul", b"\0"), ("letter", b"A"), ("line", b"\n\n"), ("high", b"\xff\xff")):
            yield Case(f"signature-{kind}-{percent}", same, partial(_cut_signature, percent / 100, data))


def _archive(data: bytes, draft: kit.Draft) -> None:
    draft.archive.write_bytes(data)
    draft.sign(digests=draft.digests(data))


# 3. files of the bundle: what is in them is right by the manifest


def with_file(path: str, kind: str, data: bytes, draft: kit.Draft) -> kit.Draft:
    """Return the draft of the same bundle with another or one more file; all that tells of it is made right."""
    original = draft.original
    contents = {**original.contents, path: data}
    files = {entry.path: entry for entry in original.manifest.files}
    files[path] = FileEntry(path, len(data), sha256_bytes(data), files[path].kind if path in files else kind)
    return _draft(original, contents, tuple(files[name] for name in contents), draft)


def _draft(original: kit.Original, contents: dict[str, bytes], files: Any, draft: kit.Draft) -> kit.Draft:
    from dataclasses import replace

    lock = sha256_bytes(contents[PYLOCK])
    manifest = replace(original.manifest, files=files, lock_sha256=lock)
    return kit.Original(manifest, contents, original.key).draft(draft.folder)


def _with_wheel(data: bytes, draft: kit.Draft) -> kit.Draft:
    from tests.hostile.test_wheels import with_wheel

    return with_wheel(draft.original, data).draft(draft.folder)


METADATA, WHEEL_FILE, ENTRIES = f"{INFO}/METADATA", f"{INFO}/WHEEL", f"{INFO}/entry_points.txt"
FIELDS = {
    METADATA: ("Metadata-Version", "Name", "Version"),
    WHEEL_FILE: ("Wheel-Version", "Root-Is-Purelib", "Tag"),
}


def _wheel_of(members: dict[str, bytes]) -> bytes:
    text = "".join(line(path, data) for path, data in members.items()) + f"{RECORD},,\n"
    return pack([*members.items(), (RECORD, text.encode())])


def _field(data: bytes, field: str, value: bytes) -> bytes:
    return b"".join(
        field.encode() + b": " + value + b"\n" if row.startswith(field.encode()) else row
        for row in data.splitlines(keepends=True)
    )


def wheels(_original: kit.Original) -> Iterator[Case]:
    for path in (METADATA, WHEEL_FILE, ENTRIES):
        for name, data in TEXTS.items():
            made = _wheel_of({**GOOD, path: data})
            yield Case(f"wheel-{path.rpartition('/')[2]}-{name}", partial(_with_wheel, made))
    for path, fields in FIELDS.items():
        for field in fields:
            for name, data in TEXTS.items():
                made = _wheel_of({**GOOD, path: _field(GOOD[path], field, data)})
                yield Case(f"wheel-{field}-{name}", partial(_with_wheel, made))
    for name, data in TEXTS.items():
        yield Case(f"wheel-RECORD-{name}", partial(_with_wheel, pack([*GOOD.items(), (RECORD, data)])))
        yield Case(f"wheel-whole-{name}", partial(_with_wheel, data))
        yield Case(f"lock-{name}", partial(with_file, PYLOCK, "lock", data))
    good = _wheel_of(GOOD)
    for at in range(0, len(good), max(1, len(good) // 150)):
        for kind, data in (("zero", b"\0\0\0\0"), ("ones", b"\xff\xff\xff\xff")):
            bent = good[:at] + data + good[at + 4 :]
            yield Case(f"wheel-at-{at}-{kind}", partial(_with_wheel, bent[: len(good)]))


OTHERS = {
    "06_Verification/advisories/advisories.zip": "verification",
    "06_Verification/advisories/gate.json": "verification",
    "06_Verification/advisories/exceptions.json": "verification",
    "06_Verification/tools/evil.whl": "verification",
    "06_Verification/tools/evil-1-py3-none-any.whl": "verification",
    "06_Verification/plugins/evil.py": "plugin",
    "03_Source/pyproject.toml": "source",
    "03_Source/app.py": "source",
    "03_Source/data/questions.csv": "source",
    "07_Models/tiny/config.json": "model",
    "07_Models/tiny/weights.json": "model",
}


def others(original: kit.Original) -> Iterator[Case]:
    for path, kind in OTHERS.items():
        for name, data in TEXTS.items():
            if path in original.contents and name in ("empty", "list") and kind == "source":
                continue  # a fine file of a source
            yield Case(f"{path.rpartition('/')[2]}-{name}", partial(with_file, path, kind, data))


def cases(original: kit.Original) -> list[Case]:
    """Return all cases, in an order that does not change."""
    groups = (manifests, signed, wheels, others)
    return [case for group in groups for case in group(original)]
