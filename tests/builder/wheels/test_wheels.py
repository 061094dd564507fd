from __future__ import annotations

import hashlib
import io
import logging
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builder.fetch import client
from builder.fetch.cache import Cache, HashMismatchError, sha256
from builder.fetch.credentials import Bearer, authorization, redact
from builder.fetch.fetching import Fetching
from builder.lock.lock import read_lock, select_wheels
from builder.lock.locked import LockedWheel
from builder.lockfiles.uv_lock import UvLock
from builder.wheels.wheels import WheelFacts, fetch_wheels, wheel_facts
from bundle.target import parse_target
from bundle.wheels.sizes import Unpacked
from shared.errors import BuildError
from shared.terminal.progress import NoProgress
from tests.servers import Faults, serve
from tests.wheels import make_wheel

pytestmark = pytest.mark.usefixtures("no_network_settings")

ROOT = Path(__file__).parents[3]
DATA = random.Random(0).randbytes(300_000)
NAME = "foo-1.0-py3-none-any.whl"
CUT = 100_000


def locked(url, data=DATA, *, size=True, name=NAME):
    return LockedWheel(name, "foo", "1.0", url, len(data) if size else None, hashlib.sha256(data).hexdigest())


class Told(NoProgress):
    """Keeps warnings, and the sum of what was done of the task's total."""

    def __init__(self):
        self.warnings, self.done, self.total = [], 0, 0

    def warn(self, text):
        self.warnings.append(text)

    @contextmanager
    def task(self, text, total):
        self.total = total
        yield self

    def advance(self, amount):
        self.done += amount


@pytest.fixture
def site():
    with serve({f"/{NAME}": DATA}) as site:
        yield site


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def fetch(wheels, cache, progress=None):
    pauses: list[float] = []
    found = fetch_wheels(wheels, Fetching(cache, progress or NoProgress(), pause=pauses.append))
    return found, pauses


def refusal(wheel, cache):
    with pytest.raises(BuildError) as caught:
        fetch([wheel], cache)
    return caught.value


@pytest.mark.parametrize(
    ("faults", "ranges"),
    [
        (Faults(), [None]),
        (Faults(cut_after=CUT, cuts=1), [None, f"bytes={CUT}-"]),
        (Faults(cut_after=CUT, cuts=2), [None, f"bytes={CUT}-", f"bytes={2 * CUT}-"]),
        (Faults(cut_after=CUT, cuts=1, ranges=False), [None, f"bytes={CUT}-"]),
        (Faults(cut_after=CUT, cuts=1, wrong_range=1), [None, f"bytes={CUT}-", None]),
        (Faults(corrupt=1), [None, None]),
        (Faults(busy=3), [None] * 4),
    ],
)
@pytest.mark.parametrize("size", [True, False])
def test_every_passing_fault_ends_with_the_right_bytes(site, cache, faults, ranges, size):
    site.faults[f"/{NAME}"] = replace(faults)
    wheel, reported = locked(f"{site.url}/{NAME}", size=size), Told()
    found, pauses = fetch([wheel], cache, reported)
    assert found[wheel].read_bytes() == DATA
    assert [seen.range for seen in site.seen] == ranges
    assert reported.done == len(DATA)
    assert len(pauses) == len(ranges) - 1 - faults.corrupt


def test_a_reset_connection_is_continued(site, cache):
    site.faults[f"/{NAME}"] = Faults(cut_after=CUT, cuts=1, reset=True)
    wheel = locked(f"{site.url}/{NAME}")
    assert fetch([wheel], cache)[0][wheel].read_bytes() == DATA


def test_pauses_grow_and_end(site, cache):
    site.faults[f"/{NAME}"] = Faults(busy=100)
    with pytest.raises(BuildError, match=rf"Cannot fetch {NAME} from 127.0.0.1 after 6 attempts: HTTP 503"):
        fetch([locked(f"{site.url}/{NAME}")], cache)
    assert len(site.seen) == client.ATTEMPTS
    waits = [client.pause_after(failures) for failures in range(1, 20)]
    assert waits == sorted(waits)
    assert waits[0] == 0.5
    assert waits[-1] == client.pause_after(1, asked=10_000) == client.LONGEST_PAUSE


@pytest.mark.parametrize(("status", "advice"), [(404, "Lock another version"), (403, "access"), (401, "netrc")])
def test_what_another_try_cannot_change_is_not_tried_again(site, cache, status, advice):
    site.faults[f"/{NAME}"] = Faults(status=status)
    error = refusal(locked(f"{site.url}/{NAME}"), cache)
    assert f"Cannot fetch {NAME}: 127.0.0.1 returned {status}" in error.what
    assert advice in error.advice
    assert len(site.seen) == 1


def test_a_wrong_file_is_refused_with_both_digests_and_not_kept(site, cache):
    site.faults[f"/{NAME}"] = Faults(corrupt=100)
    wheel = locked(f"{site.url}/{NAME}")
    error = refusal(wheel, cache)
    got = hashlib.sha256(bytes([DATA[0] ^ 1]) + DATA[1:]).hexdigest()
    assert isinstance(error, HashMismatchError)
    for text in (NAME, wheel.sha256, got):
        assert text in error.what
    assert not cache.has(sha256(wheel.sha256))
    assert len(site.seen) == 2


def test_no_more_bytes_are_read_than_the_lock_says(site, cache):
    site.faults[f"/{NAME}"] = Faults(extra=10_000_000)
    error = refusal(locked(f"{site.url}/{NAME}"), cache)
    assert f"{NAME} is larger than the limit of {len(DATA)} bytes" in error.what
    (part,) = cache.root.rglob("*.part")
    assert part.stat().st_size <= len(DATA)


def test_what_is_in_the_cache_is_not_fetched_again_unless_it_was_altered(site, cache):
    wheel = locked(f"{site.url}/{NAME}")
    (path,) = fetch([wheel], cache)[0].values()
    reported = Told()
    fetch([wheel], cache, reported)
    assert (len(site.seen), reported.done, reported.total) == (1, len(DATA), len(DATA))
    path.write_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))
    fetch([wheel], cache, reported)
    assert len(site.seen) == 2
    assert str(path) in reported.warnings[0]
    assert path.read_bytes() == DATA


def test_many_wheels_come_at_the_same_time_and_one_failure_ends_all(cache):
    files = {f"/f{number}": random.Random(number).randbytes(1000) for number in range(40)}
    with serve(files) as site:
        wheels = [locked(site.url + path, data, name=path[1:]) for path, data in files.items()]
        found, _pauses = fetch(wheels, cache)
        assert [found[wheel].read_bytes() for wheel in wheels] == list(files.values())
        site.faults["/f7"] = Faults(status=404)
        found[wheels[7]].unlink()
        assert "Cannot fetch f7:" in refusal(wheels[7], cache).what


def test_offline_takes_the_cache_alone_and_names_what_it_lacks(site, cache):
    wheel = locked(f"{site.url}/{NAME}")
    with pytest.raises(BuildError, match=f"not in the cache .*{NAME}"):
        fetch_wheels([wheel], Fetching(cache, NoProgress(), offline=True))
    assert site.seen == []
    fetch([wheel], cache)
    assert fetch_wheels([wheel], Fetching(cache, NoProgress(), offline=True))[wheel].read_bytes() == DATA


def test_a_wheel_of_the_projects_own_folder_is_copied(tmp_path, cache):
    (tmp_path / NAME).write_bytes(DATA)
    wheel = locked((tmp_path / NAME).as_uri())
    assert fetch([wheel], cache)[0][wheel].read_bytes() == DATA
    missing = locked((tmp_path / "gone.whl").as_uri(), b"other")
    assert f"{tmp_path / 'gone.whl'} cannot be read" in refusal(missing, cache).what


def test_a_host_that_cannot_be_reached_is_named(cache):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = refusal(locked(f"http://127.0.0.1:{port}/{NAME}"), cache)
    assert f"Cannot reach 127.0.0.1 for {NAME}" in error.what
    assert "HTTPS_PROXY" in error.advice


def test_the_proxy_of_the_environment_is_used(site, cache, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", site.url)
    wheel = locked(f"http://index.invalid/{NAME}")
    assert fetch([wheel], cache)[0][wheel].read_bytes() == DATA


def test_unusable_certificates_of_the_environment_are_told(cache, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    assert "SSL_CERT_FILE" in refusal(locked("https://index.invalid/x"), cache).advice


def test_credentials_go_to_their_host_and_not_where_it_redirects(site, cache, caplog):
    with serve() as front, caplog.at_level(logging.DEBUG):
        front.faults[f"/{NAME}"] = Faults(redirect=f"{site.url}/{NAME}?signature=hidden")
        wheel = locked(f"http://me:pass%21word@127.0.0.1:{front.server_address[1]}/{NAME}")
        fetch([wheel], cache)
        assert front.seen[0].authorization == "Basic bWU6cGFzcyF3b3Jk"  # me:pass!word
        assert [seen.authorization for seen in site.seen] == [None]
        front.faults[f"/{NAME}"] = Faults(status=403)
        cache.path(sha256(wheel.sha256)).unlink()
        error = refusal(wheel, cache)
    for secret in ("pass%21word", "pass!word", "bWU6", "hidden"):
        assert secret not in caplog.text + error.what + error.advice


def test_netrc_is_read_and_its_faults_are_told_without_its_content(site, cache, tmp_path, monkeypatch):
    file = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(file))
    file.write_text("machine 127.0.0.1 login me password pass!word\n")
    fetch([locked(f"{site.url}/{NAME}")], cache)
    assert site.seen[0].authorization == "Basic bWU6cGFzcyF3b3Jk"
    file.write_text("machine 127.0.0.1 login me pass!word\n")
    error = refusal(locked(f"{site.url}/other", b"other"), cache)
    assert str(file) in error.what
    assert "pass!word" not in error.what + str(error.__cause__)


def test_a_token_goes_to_its_own_origin_alone():
    bearer = Bearer("https://hub.test", "token")
    assert authorization("https://hub.test:443/a", (bearer,)) == "Bearer token"
    for other in ("https://cdn.hub.test/a", "http://hub.test/a", "https://hub.test:8443/a"):
        assert authorization(other, (bearer,)) is None


def test_a_ring_of_redirects_ends(site, cache):
    site.faults[f"/{NAME}"] = Faults(redirect=f"/{NAME}")
    assert "too many redirects" in refusal(locked(f"{site.url}/{NAME}"), cache).what


@pytest.mark.parametrize("target", ["http://[broken/x", "http://127.0.0.1:99999/x", "http://a b/"])
def test_an_address_that_is_none_is_told(site, cache, target):
    site.faults[f"/{NAME}"] = Faults(redirect=target)
    assert NAME in refusal(locked(f"{site.url}/{NAME}"), cache).what


def test_a_failure_does_not_wait_for_a_server_that_says_nothing(site, cache):
    stalled = threading.Event()
    site.faults[f"/{NAME}"] = Faults(cut_after=CUT, cuts=1, stall=stalled)
    site.faults["/gone"] = Faults(status=404, after=stalled)
    wheels = [locked(f"{site.url}/{NAME}"), locked(f"{site.url}/gone", b"gone", name="gone.whl")]
    begun = time.monotonic()
    with pytest.raises(BuildError, match=r"Cannot fetch gone\.whl"):
        fetch(wheels, cache)
    assert time.monotonic() - begun < client.FILES.read / 2


def test_texts_lose_the_secrets_of_their_urls():
    text = "proxy http://me:p@ss@proxy.test:1/x?token=1 and 'https://cdn.test/f?Signature=2' failed"
    assert redact(text) == "proxy http://proxy.test:1/x and 'https://cdn.test/f' failed"


FETCH = """
import sys
from pathlib import Path
from shared.terminal.progress import NoProgress
from builder.fetch.cache import Cache
from builder.fetch.fetching import Fetching
from builder.lock.locked import LockedWheel
from builder.wheels.wheels import fetch_wheels
from contextlib import contextmanager

class Loud(NoProgress):
    @contextmanager
    def task(self, text, total):
        yield self
    def advance(self, amount):
        print(amount, flush=True)

url, size, digest, cache = sys.argv[1:]
wheel = LockedWheel("foo-1.0-py3-none-any.whl", "foo", "1.0", url, int(size), digest)
fetch_wheels([wheel], Fetching(Cache(Path(cache)), Loud()))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_another_process_continues_where_one_was_ended(site, cache, how):
    site.faults[f"/{NAME}"] = Faults(cut_after=CUT, cuts=1, stall=threading.Event())
    wheel = locked(f"{site.url}/{NAME}")
    argv = [sys.executable, "-c", FETCH, wheel.url, str(wheel.size), wheel.sha256, str(cache.root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True) as other:
        done = 0
        while done < CUT:
            done += int(other.stdout.readline())
        other.send_signal(how)
        other.wait(timeout=20)
        assert how == signal.SIGKILL or "KeyboardInterrupt" in other.stderr.read()
    left = [path for path in cache.root.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert [path.suffix for path in left] == [".part"]
    found, _pauses = fetch([wheel], cache)
    assert found[wheel].read_bytes() == DATA
    assert int(site.seen[1].range.removeprefix("bytes=").removesuffix("-")) > CUT / 2


def facts(tmp_path, data, wheel=None):
    (tmp_path / NAME).write_bytes(data)
    return wheel_facts(tmp_path / NAME, wheel or locked("https://index.test/x"))


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT\nLicense: other\n", "MIT"),
        ("License: BSD\n  3-Clause\n", "BSD 3-Clause"),
        (f"License: {'long text ' * 50}\nClassifier: License :: OSI Approved :: MIT License\n", "MIT License"),
        ("License: UNKNOWN\n", None),
        ("Classifier: License :: OSI Approved\n", None),
        ("", None),
    ],
)
def test_a_wheel_tells_its_size_and_licence(tmp_path, metadata, licence):
    data = make_wheel("foo", "1.0", metadata=metadata, files={"foo/data.bin": b"x" * 1000})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(len(archive.read(name)) for name in archive.namelist())
    found = facts(tmp_path, data)
    assert (found, found.longest) == (WheelFacts(Unpacked(size, 4), licence), "foo-1.0.dist-info/METADATA")


def test_a_wheel_of_another_package_or_version_is_refused(tmp_path):
    for data, said in ((make_wheel("bar", "1.0"), "'bar' '1.0'"), (make_wheel("foo", "1.1"), "'foo' '1.1'")):
        with pytest.raises(BuildError, match=f"{NAME} is not a valid wheel of foo 1.0: its metadata says {said}"):
            facts(tmp_path, data)
    assert facts(tmp_path, make_wheel("Foo", "1.0")).unpacked.files == 4


def test_a_wheel_that_no_host_would_take_is_refused(tmp_path):
    with pytest.raises(BuildError, match=f"{NAME} is not a valid wheel of foo 1.0: 'foo/d/d.* in more than 63 folders"):
        facts(tmp_path, make_wheel("foo", "1.0", files={"foo/" + "d/" * 1500 + "x": b""}))


def test_a_broken_zip_or_one_without_metadata_is_refused(tmp_path):
    whole = make_wheel("foo", "1.0", files={"foo/data.bin": b"x" * 1000})
    with pytest.raises(BuildError, match="not a readable zip"):
        facts(tmp_path, whole[:-30])
    with pytest.raises(BuildError, match="0 METADATA files"):
        facts(tmp_path, whole.replace(b"METADATA", b"METADATX"))
    with pytest.raises(BuildError, match="2 METADATA files"):
        facts(tmp_path, make_wheel("foo", "1.0", files={"bar-1.dist-info/METADATA": b""}))


@pytest.mark.index
def test_two_real_wheels_are_fetched_and_read(cache):
    selection = select_wheels(read_lock(UvLock(ROOT / "examples" / "rag-mini")), parse_target("linux-x86_64", "3.11"))
    wheels = [wheel for wheel in selection.wheels if wheel.name in ("annotated-types", "typing-inspection")]
    for wheel, path in fetch_wheels(wheels, Fetching(cache, NoProgress())).items():
        assert path.stat().st_size == wheel.size
        assert wheel_facts(path, wheel).licence == "MIT"
