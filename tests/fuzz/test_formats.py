"""Every reader of foreign bytes, fed with bent ones: it takes what is right, or says TrustError, never anything else.

Short in ``make test``; ``make fuzz`` runs for FUZZ_SECONDS. ``corpus`` keeps inputs that were interesting once.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import time
import zipfile
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bootstrap.launch import cache
from bootstrap.launch.words import Refusal
from bundle.advisories.exceptions import Exceptions, read_exceptions
from bundle.advisories.index import parse_index
from bundle.advisories.signals.exploits import Catalogue, Exploits, Scores, read_catalogue, read_scores
from bundle.advisories.snapshot import MEMBERS, read_snapshot
from bundle.digest import read_sums, sha256_bytes, write_sums
from bundle.manifest import NAME, Package, parse_manifest
from bundle.reading.archive import END, padding, read_archive, ustar_header
from bundle.reading.medium import drain
from bundle.signing.policy import RELEASE_NAMESPACE, parse_policy, pins
from bundle.signing.signature import ED25519, parse_public_key, verify
from bundle.wheels import record, structure
from fleet.command import ENDINGS, rendered
from fleet.enrolled import parse as parse_enrolled
from fleet.memory import Last, Memory
from fleet.statement import REPORT
from fleet.statement import parse as parse_statement
from fleet.table import Fleet, compared, row_of
from shared.errors import HostError, TrustError
from tests.advisories import snapshot_bytes
from tests.bundle.advisories.test_exceptions import ONE
from tests.bundles import CONTENTS, make_manifest
from tests.fleet_report.made import NOW, Host
from tests.fleet_report.made import REPORT as STATED
from tests.keys import SoftKey
from tests.wheels import make_wheel

CORPUS = Path(__file__).parent / "corpus"
SECONDS = float(os.environ.get("FUZZ_SECONDS", "1"))
KEY = SoftKey(ED25519)
MESSAGE = b"a message"
MANIFEST = make_manifest()
DATA = MANIFEST.to_bytes()
POLICY = pins([KEY.key])
HOST = Host("host-1")


def tar() -> bytes:
    modes = {entry.path: entry.mode for entry in MANIFEST.files}
    parts = []
    for path, data in ((NAME, DATA), *((path, data) for path, (_kind, data) in CONTENTS.items())):
        header = ustar_header(f"{MANIFEST.root}/{path}", len(data), modes.get(path, 0o644), MANIFEST.created_epoch)
        parts += [header, data, bytes(padding(len(data)))]
    return b"".join(parts) + END


def read_as_archive(data: bytes, folder: Path) -> None:
    path = folder / "archive.tar.gz"
    path.write_bytes(data)
    for _entry, blocks in read_archive([(path, sha256_bytes(data))], MANIFEST, DATA):
        drain(blocks)


def read_as_tar(data: bytes, folder: Path) -> None:
    read_as_archive(zlib.compress(data, 1, 31), folder)


def read_as_manifest(data: bytes, folder: Path) -> None:
    assert parse_manifest(data).to_bytes() == data


def read_as_policy(data: bytes, folder: Path) -> None:
    assert parse_policy(data, "policy").to_bytes() == data


def read_as_signature(data: bytes, folder: Path) -> None:
    assert verify(data, MESSAGE, RELEASE_NAMESPACE) == KEY.key


def read_as_key(data: bytes, folder: Path) -> None:
    parse_public_key(data.decode("latin-1"))


def read_as_sums(data: bytes, folder: Path) -> None:
    assert write_sums(read_sums(data, "SHA256SUMS")) == data


def read_as_record(data: bytes, folder: Path) -> None:
    info = folder / "x-1.dist-info"
    info.mkdir(exist_ok=True)
    (info / "RECORD").write_bytes(data)
    record.survey(folder)


def read_as_wheel(data: bytes, folder: Path) -> None:
    path = folder / "x-1-py3-none-any.whl"
    path.write_bytes(data)
    structure.inspect(path, Package("x", "1", path.name, None))


CARRIED = {"a.py": b"A = 1\n", "b/c.py": b"", "bin/uv": b"x" * 3000}
KNOWN = {name: (sha256_bytes(data), len(data), 0o644) for name, data in CARRIED.items()}


def zipapp() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in CARRIED.items():
            archive.writestr(f"site-packages/{name}", data)
    return file.getvalue()


def read_as_zipapp(data: bytes, folder: Path) -> None:
    """Unpack it as the launcher does, for which an OSError is a place that does not serve."""
    path = folder / "x.pyz"
    path.write_bytes(data)
    try:
        cache.build(str(path), str(folder), "x_0", KNOWN)
    except OSError as error:
        raise Refusal(str(error), "") from error
    assert cache.damage(str(folder / "x_0"), KNOWN) is None
    shutil.rmtree(folder / "x_0")


def snapshot() -> bytes:
    with TemporaryDirectory() as folder:
        return snapshot_bytes(Path(folder))


def read_as_snapshot(data: bytes, folder: Path) -> None:
    found = read_snapshot(data)
    for name in MEMBERS:
        found.member(name)
    list(found.blind_spots())
    assert found.withdrawn <= {one["id"] for one in found.records()}
    found.evaluate([("demo-lib", "1.0")])


def read_as_advisories(data: bytes, folder: Path) -> None:
    found = parse_index(data, "index")
    for name in found.lines:
        found.of(name)


def read_as_exceptions(data: bytes, folder: Path) -> None:
    assert read_exceptions(data).to_bytes() == data


def read_as_kev(data: bytes, folder: Path) -> None:
    assert read_catalogue(data).to_bytes() == data


def read_as_epss(data: bytes, folder: Path) -> None:
    found = read_scores(data, "epss.csv")
    assert read_scores(found.to_bytes(), "epss.csv") == found
    assert 0 <= (Exploits(scores=found).probability(found.scores) or 0) <= 1


def read_as_statement(data: bytes, folder: Path) -> None:
    """Read it as one that was signed, then make the table of it in every format."""
    found = parse_statement(data, "x.json", REPORT)
    assert parse_statement(found.to_bytes(), "x.json", REPORT) == found
    rows, most = compared([row_of([found])])
    for kind in ENDINGS.values():
        rendered(Fleet(NOW, True, rows, most=most), kind, 80)


def read_as_enrolled(data: bytes, folder: Path) -> None:
    found = parse_enrolled(data, "keys")
    assert all(found.of(one.key) for several in found.keys.values() for one in several)


def read_as_memory(data: bytes, folder: Path) -> None:
    assert Memory.from_bytes(data, "memory", limit=len(data)).to_bytes() == data


# format → its reader, a good input
FORMATS = {
    "archive": (read_as_archive, zlib.compress(tar(), 1, 31)),
    "tar": (read_as_tar, tar()),
    "manifest": (read_as_manifest, DATA),
    "policy": (read_as_policy, POLICY.to_bytes()),
    "signature": (read_as_signature, KEY.sign(MESSAGE, RELEASE_NAMESPACE)),
    "key": (read_as_key, KEY.key.line().encode()),
    "sums": (read_as_sums, write_sums({"a": "0" * 64, "b": "1" * 64})),
    "record": (read_as_record, b"x.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\nx-1.dist-info/RECORD,,\n"),
    "snapshot": (read_as_snapshot, snapshot()),
    "advisories": (read_as_advisories, read_snapshot(snapshot()).member("index.jsonl")),
    "exceptions": (read_as_exceptions, Exceptions(3, (ONE,)).to_bytes()),
    "kev": (read_as_kev, Catalogue("2026-05-30", {"CVE-2026-0001": "2026-05-01"}).to_bytes()),
    "epss": (read_as_epss, Scores("2026-05-30", {"CVE-2026-0001": ("0.5", "0.9")}).to_bytes()),
    "statement": (read_as_statement, HOST.says(facts=STATED).to_bytes()),
    "enrolled": (read_as_enrolled, HOST.line.encode()),
    "memory": (read_as_memory, Memory({"a/report/b": Last(1, "0" * 64, "1" * 64)}).to_bytes()),
    "zipapp": (read_as_zipapp, zipapp()),
    "wheel": (read_as_wheel, make_wheel("x", "1", {"x.py": "X = 1\n"}, entry_points="[console_scripts]\nx = x:main\n")),
}
REFUSALS = (TrustError, HostError, Refusal)


def bend(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes with a few places changed, cut, doubled or exchanged."""
    bent = bytearray(data)
    for _change in range(chance.randint(1, 4)):
        at = chance.randrange(len(bent) + 1)
        length = chance.choice((1, 1, 1, 2, 8, 70, 512))
        piece = bent[at : at + length]
        bent[at : at + length] = chance.choice(
            (
                b"",
                bytes(piece) * 2,
                bytes(chance.randrange(256) for _byte in piece),
                bytes(byte ^ 1 << chance.randrange(8) for byte in piece),
                chance.choice((b"\0", b"\n", b"\r\n", b"../", b'"', b",", b"9" * 30, b"\xff", b"\\u0000", b"[[[[")),
                bytes(reversed(piece)),
            )
        )
    return bytes(bent)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_good_input_is_taken(tmp_path, kind) -> None:
    read, good = FORMATS[kind]
    read(good, tmp_path)


@pytest.mark.parametrize("kind", FORMATS)
def test_bent_inputs_are_taken_or_refused_in_words(tmp_path, kind) -> None:
    read, good = FORMATS[kind]
    end, seed = time.monotonic() + SECONDS / len(FORMATS), int(os.environ.get("FUZZ_SEED", "0"))
    tried = 0
    while tried < 20 or time.monotonic() < end:
        bent = bend(good, random.Random(seed + tried))
        tried += 1
        try:
            read(bent, tmp_path)
        except REFUSALS:
            pass
        except BaseException as error:
            (tmp_path / "input").write_bytes(bent)
            error.add_note(f"seed {seed + tried - 1}; keep {tmp_path / 'input'} as tests/fuzz/corpus/{kind}-NAME")
            raise


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=max(20, int(SECONDS * 10)), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=2000))
def test_any_bytes_are_taken_or_refused_in_words(tmp_path, kind, data) -> None:
    try:
        FORMATS[kind][0](data, tmp_path)
    except REFUSALS:
        pass


@pytest.mark.parametrize("name", sorted(path.name for path in CORPUS.iterdir()))
def test_the_corpus_is_refused_in_words(tmp_path, name) -> None:
    read, _good = FORMATS[name.partition("-")[0]]
    with pytest.raises(REFUSALS):
        read((CORPUS / name).read_bytes(), tmp_path)
