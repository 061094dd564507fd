"""What a command writes where its caller says: the right bytes, or one sentence, and nothing else is touched."""

from __future__ import annotations

import os
import pty
import socket
import stat
import subprocess
import sys
import threading

import pytest

from shared.errors import HostError, RagtraceError
from shared.files import outputs
from tests.hosts import needs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX names")
STRANGER = 65534


def no_traces(folder) -> bool:
    return not [name for name in os.listdir(folder) if name.endswith(".tmp")]


def refused(path, *words: str) -> None:
    """Demand that a name is refused, when it is asked for beforehand and when it is written."""
    for attempt in (
        outputs.require_writable,
        lambda path: outputs.write(path, b"x"),
        lambda path: outputs.append(path, b"x"),
    ):
        with pytest.raises(HostError) as caught:
            attempt(path)
        assert str(path) in caught.value.what
        for word in words:
            assert word in caught.value.what


def as_root() -> None:
    with needs.or_skip():
        needs.root_on_linux()


def test_a_new_file_and_one_that_is_replaced(tmp_path) -> None:
    path = tmp_path / "report.json"
    outputs.require_writable(path)
    outputs.write(path, b"one", mode=0o600)
    before = path.stat().st_ino
    outputs.write(path, b"two", mode=0o644)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.stat().st_ino != before
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_file_that_is_there_stays_readable_for_whom_it_was(tmp_path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(b"former")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, -1, 12345)
    group = path.stat().st_gid
    outputs.write(path, b"new")
    assert path.read_bytes() == b"new"
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) == (0o640, group)


def test_the_mode_does_not_follow_the_umask(tmp_path) -> None:
    previous = os.umask(0o777)
    try:
        outputs.write(tmp_path / "a", b"", mode=0o640)
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_lines_are_added(tmp_path) -> None:
    for text in (b"one\n", b"two\n"):
        outputs.append(tmp_path / "lines", text)
    assert (tmp_path / "lines").read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE((tmp_path / "lines").stat().st_mode) == 0o600


def test_a_link_is_followed_to_what_it_names(tmp_path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/../there/report.json")
    (tmp_path / "folder").symlink_to(tmp_path / "there")
    outputs.write(tmp_path / "link", b"first")
    outputs.write(tmp_path / "folder" / "other.json", b"second")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there/report.json").read_bytes() == b"first"
    assert (tmp_path / "there/other.json").read_bytes() == b"second"


def test_links_that_lead_in_circles(tmp_path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    refused(tmp_path / "a", os.strerror(40))


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_names_of_our_own_streams(name) -> None:
    code = f"from shared.files import outputs; name = {name!r}; "
    code += "print('shown'); outputs.require_writable(name); outputs.write(name, b'data')"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, cwd=needs.CHECKOUT)
    assert done.stdout == b"shown\ndata"


def test_a_descriptor_that_is_closed_is_told() -> None:
    refused("/dev/fd/987654", os.strerror(9))


def test_a_descriptor_is_the_callers_and_never_a_file_that_we_opened(tmp_path) -> None:
    handle = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    try:
        for act in (outputs.require_writable, lambda path: outputs.write(path, b"report")):
            with pytest.raises(HostError, match=os.strerror(9)):
                act(f"/dev/fd/{handle}")
        os.set_inheritable(handle, True)
        outputs.write(f"/dev/fd/{handle}", b"report")
    finally:
        os.close(handle)
    assert (tmp_path / "log").read_bytes() == b"report"


def test_devices_stay_devices() -> None:
    outputs.require_writable("/dev/null")
    outputs.write("/dev/null", b"x" * 100_000)
    outputs.append("/dev/null", b"x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    outputs.require_writable("/dev/full")
    with pytest.raises(HostError, match="No space left"):
        outputs.write("/dev/full", b"x")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_any_other_device_is_refused(tmp_path) -> None:
    refused("/dev/zero", "it is a device or a socket")
    as_root()
    disk = tmp_path / "disk"
    try:
        os.mknod(disk, stat.S_IFBLK | 0o600, os.makedev(7, 200))
    except PermissionError:
        pytest.skip("this machine lets nobody make a device")
    refused(disk, "it is a device or a socket")


def test_the_terminal_of_the_caller_and_no_other(tmp_path) -> None:
    mine, other = pty.openpty(), pty.openpty()
    own, foreign = os.ttyname(mine[1]), os.ttyname(other[1])
    code = f"from shared.files import outputs; outputs.write({own!r}, b'seen'); outputs.write({foreign!r}, b'x')"
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, stdin=mine[1], stderr=subprocess.PIPE, cwd=needs.CHECKOUT, check=False)
    assert os.read(mine[0], 100) == b"seen"
    assert b"it is a device" in done.stderr
    for handle in (*mine, *other):
        os.close(handle)


def test_a_pipe_without_a_reader_and_with_one(tmp_path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(HostError, match="a pipe without a reader"):
        outputs.write(pipe, b"x")
    got: list[bytes] = []
    handle = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(handle, True)

    def read() -> None:
        while sum(map(len, got)) < len(data):  # an empty answer: the writer is not there yet
            got.append(os.read(handle, 65536))

    data = os.urandom(1_000_000)
    reader = threading.Thread(target=read, daemon=True)
    writing = threading.Thread(target=outputs.write, args=(pipe, data))
    writing.start()
    reader.start()
    writing.join(60)
    reader.join(60)
    os.close(handle)
    assert b"".join(got) == data
    assert stat.S_ISFIFO(pipe.lstat().st_mode)


def test_a_reader_that_reads_nothing_lets_us_wait_no_longer_than_the_limit(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(outputs, "PIPE_SECONDS", 0.0)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    handle = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(HostError, match="its reader stopped reading"):
        outputs.write(pipe, bytes(10_000_000))
    os.close(handle)


def test_folders_sockets_and_names_that_are_none(tmp_path, monkeypatch) -> None:
    refused(tmp_path, os.strerror(21))
    refused(f"{tmp_path}/new/", os.strerror(21))
    refused("/", os.strerror(21))
    refused(tmp_path / "no" / "file", os.strerror(2))
    refused(tmp_path / ("x" * 300), os.strerror(36))
    refused(f"{tmp_path}/a\0b", "null")
    (tmp_path / "file").write_bytes(b"")
    refused(tmp_path / "file" / "x", os.strerror(20))
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)
        server.bind("socket")
        refused(tmp_path / "socket", "it is a device or a socket")
    with pytest.raises(RagtraceError, match="empty"):
        outputs.write("", b"")
    assert no_traces(tmp_path)


def test_a_folder_that_is_gone(tmp_path, monkeypatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    refused("report.json", os.strerror(2))


def test_strangers_neither_own_nor_change_the_way(tmp_path) -> None:
    as_root()
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, STRANGER, STRANGER)
    refused(theirs / "report.json", f"{theirs} belongs to user {STRANGER}")
    for mode in (0o777, 0o775):
        shared = tmp_path / f"{mode:o}"
        shared.mkdir()
        shared.chmod(mode)
        os.chown(shared, 0, STRANGER)
        refused(shared / "report.json", f"other users can write to {shared}")
        refused(shared / "sub" / "report.json", f"other users can write to {shared}")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "mine.json")
    os.lchown(link, STRANGER, STRANGER)
    refused(link, f"{link} belongs to user {STRANGER}")
    assert not (tmp_path / "mine.json").exists()


def test_a_folder_like_tmp_takes_new_files_and_lets_those_of_others_be(tmp_path) -> None:
    as_root()
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    outputs.write(shared / "mine", b"1")
    outputs.write(shared / "mine", b"2")
    assert (shared / "mine").read_bytes() == b"2"
    (shared / "theirs").write_bytes(b"kept")
    os.chown(shared / "theirs", STRANGER, STRANGER)
    refused(shared / "theirs", f"belongs to user {STRANGER}")
    assert (shared / "theirs").read_bytes() == b"kept"
    victim = tmp_path / "victim"
    victim.write_bytes(b"victim")
    (shared / "planted").symlink_to(victim)
    os.lchown(shared / "planted", STRANGER, STRANGER)
    refused(shared / "planted", f"belongs to user {STRANGER}")
    assert victim.read_bytes() == b"victim"


def test_what_cannot_be_written_leaves_the_former_bytes(tmp_path, monkeypatch) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"former")

    def full(_handle):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HostError, match="No space left"):
        outputs.write(path, b"new")
    assert path.read_bytes() == b"former"
    assert os.listdir(tmp_path) == ["report"]
