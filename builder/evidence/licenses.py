"""The licenses of packages and models, and the texts that must be distributed with them."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from bundle.digest import sha256_bytes
from shared.terminal.console import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from builder.members import Member
    from builder.models.models import CollectedModel
    from builder.request.inputs import Wheel
    from bundle.manifest import Product

TEXT_LIMIT = 16 << 20  # bytes of one license text; the largest known one, torch's, is below 1 MiB
CARD, CARD_LIMIT = "README.md", 1 << 20  # a hub's model card
# the folder that PEP 639 defines for license files, and the names that older tools wrote next to METADATA
_IN_WHEEL = re.compile(
    r"(?i)[^/]+\.dist-info/(licenses/.+|(licen[cs]e|copying|notice|authors|copyright)[^/]*)"
)  # fmt: skip
_IN_MODEL = re.compile(r"(?i)(licen[cs]e|copying|notice|use_policy)[^/]*|README\.md")
_CARD_LICENSE = re.compile(r"(?m)^license:[ \t]*([^\s#]+)[ \t]*$")
_CARD_NAME = re.compile(r"(?m)^license_name:[ \t]*([^\s#]+)[ \t]*$")


@dataclass(frozen=True)
class Licensed:
    """A package or model, the license that its metadata declares, and the license texts in it with their names."""

    name: str
    version: str
    licence: str | None
    texts: tuple[tuple[str, str], ...]


def spdx(licence: str | None) -> str | None:
    """Return a license as an SPDX expression, or None if it is not a valid one: nothing is guessed."""
    try:
        return canonicalize_license_expression(licence or "")
    except InvalidLicenseExpression:
        return None


def of_wheel(wheel: Wheel) -> Licensed:
    """Return the license that a wheel declares (PEP 639), with all license texts in its metadata."""
    with zipfile.ZipFile(wheel.path) as archive:
        found = sorted(info.filename for info in archive.infolist() if _IN_WHEEL.fullmatch(info.filename))
        texts = tuple((name.partition("/")[2], _text(archive, name)) for name in found if not name.endswith("/"))
        metadata = HeaderParser().parsestr(_text(archive, _metadata_name(archive)))
    field = str(metadata.get("License") or "")
    if "\n" in field.strip():  # older packages put the whole text there
        texts = (*texts, ("METADATA", "\n".join(line.strip() for line in field.strip().splitlines())))
    return Licensed(wheel.locked.name, wheel.locked.version, wheel.facts.licence, texts)


def _metadata_name(archive: zipfile.ZipFile) -> str:
    """Return the name of the only METADATA member, which wheel_facts has already found."""
    return next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))


def _text(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as file:
        return _decoded(file.read(TEXT_LIMIT + 1), TEXT_LIMIT)


def _decoded(data: bytes, limit: int) -> str:
    if len(data) > limit:
        return f"(more than {limit} bytes: see the file itself)\n"
    return data.decode("utf-8", "replace").replace("\r\n", "\n")


def of_model(model: CollectedModel) -> Licensed:
    """Return the license that a model's card declares, with the card and the license files."""
    texts = []
    for file in model.files:
        if _IN_MODEL.fullmatch(file.path):
            with file.source.open("rb") as stream:
                texts.append((file.path, _decoded(stream.read(CARD_LIMIT + 1), CARD_LIMIT)))
    return Licensed(model.name, model.revision, card_license(dict(texts).get(CARD, "")), tuple(texts))


def of_python(files: Sequence[Member], version: str) -> Iterator[Licensed]:
    """Yield the interpreter that a bundle contains, if any, with the license texts among its files."""
    found = [item for item in files if item.entry.path.endswith("/LICENSE.txt")]
    if files:
        texts = [(item.entry.inner, _decoded(b"".join(item.blocks()), TEXT_LIMIT)) for item in found]
        yield Licensed("cpython", version, None, tuple(texts))


def card_license(card: str) -> str | None:
    """Return the license in a model card's front matter, or ``license_name`` if that is ``other``, or None."""
    matter = card.split("\n---", 1)[0] if card.startswith("---\n") else ""
    named = _CARD_LICENSE.search(matter)
    if named is None:
        return None
    other = _CARD_NAME.search(matter) if named[1] == "other" else None
    licence = (other or named)[1].strip("\"'")
    return spdx(licence) or licence


def inventory(product: Product, packages: Sequence[Licensed], models: Sequence[Licensed]) -> bytes:
    """Return the inventory: a row for each package and model, then each distinct text once.

    It is in both languages whatever the builder's locale is, because the bundle's bytes must not depend on it.
    """
    numbers: dict[str, int] = {}
    bearers: dict[str, list[str]] = {}
    for licensed in (*packages, *models):
        for name, text in licensed.texts:
            digest = sha256_bytes(text.encode())
            numbers.setdefault(digest, len(numbers) + 1)
            bearers.setdefault(digest, []).append(sentence(f"{licensed.name} {licensed.version}: {name}"))
    rows = [
        f"Licences of what {product.title} {product.version} brings · 함께 전달되는 것들의 라이선스",
        "Licences are given as their authors name them; numbers stand for the texts below.",
        "라이선스는 저작자가 밝힌 그대로이며, 번호는 아래 전문을 가리킵니다.",
        *_rows("Packages · 패키지", packages, numbers),
        *_rows("Models · 모델", models, numbers),
    ]
    texts = {sha256_bytes(text.encode()): text for one in (*packages, *models) for _name, text in one.texts}
    for digest, number in numbers.items():
        rows += ["", "=" * 78, f"[{number}]", *(f"  {bearer}" for bearer in bearers[digest]), "-" * 78]
        rows.append(texts[digest].rstrip("\n"))
    return ("\n".join(rows) + "\n").encode()


def _rows(title: str, things: Sequence[Licensed], numbers: dict[str, int]) -> Iterator[str]:
    yield from ("", title)
    for thing in things:
        found = dict.fromkeys(numbers[sha256_bytes(text.encode())] for _name, text in thing.texts)
        texts = " ".join(f"[{number}]" for number in found)
        yield sentence(
            f"  {thing.name} {thing.version}  {thing.licence or '?'}  {texts or '(brings no text · 전문 없음)'}"
        )
    if not things:
        yield "  -"
