"""What the system refuses: the sentence and the advice follow the cause, whatever was being done."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from shared import i18n, limits, troubles
from shared.errors import HostError, ToolError, UsageError
from shared.files import files
from shared.processes import process
from shared.troubles import READING, READING_MEDIUM, REMOVING, STARTING, USING, WRITING
from tests.hosts import needs

FILE = "/srv/no-such-app/file"
ADVICE = {  # by cause: a word of the advice that no other cause has
    "ENOSPC": "Free up space on its filesystem",
    "EDQUOT": "quota",
    "EROFS": "read-write",
    "EPERM": "security module",
    "ENAMETOOLONG": "shorter",
    "ELOOP": "loop",
    "ENOTDIR": "one of its parents is a file",
    "EISDIR": "Specify a file",
    "EMFILE": "Raise the limit on processes, memory or open files",
    "ENFILE": "Raise the limit on processes, memory or open files",
    "ENOMEM": "Raise the limit on processes, memory or open files",
    "EAGAIN": "Raise the limit on processes, memory or open files",
    "EIO": "connection is failing",
    "ESTALE": "Remount its network share if it is on one",
    "ETXTBSY": "Stop the running program",
    "EBUSY": "unmount it if it is a mount point",
    "EFBIG": "ulimit -f",
    "EXDEV": "on the same filesystem",
    "ENOEXEC": "another system",
    "EINVAL": "does not support this name",
    "EEXIST": "Move it elsewhere",
    "ENOTEMPTY": "Stop the program that is writing there",
}
RIGHTS = {
    READING: "read permission",
    READING_MEDIUM: "read permission on it",
    WRITING: "write permission there",
    REMOVING: "write permission in /srv",
    STARTING: "execute permission",
}
OF_WINDOWS = {
    5: ("Permission denied", "write permission there"),
    32: ("another program has it open", "Close that program"),
    112: ("No space left on device", "Free up space"),
    206: ("File name too long", "shorter"),
    225: ("a virus scanner blocked it", "antivirus log"),
    1314: ("lacks a required privilege", "administrator"),
}


def refused(name: str, *names: str) -> OSError:
    number = getattr(errno, name)
    return OSError(number, os.strerror(number), *names[:1], *([None, *names[1:]] if names[1:] else []))


@pytest.mark.parametrize("doing", [READING, WRITING, REMOVING, STARTING, USING])
@pytest.mark.parametrize("name", ADVICE)
def test_the_cause_decides(name, doing) -> None:
    reported = troubles.words(refused(name, FILE), doing)
    assert reported.what.startswith(f"{FILE}")
    assert reported.what.endswith(f"{os.strerror(getattr(errno, name))}.")
    assert ADVICE[name] in reported.advice
    others = set(ADVICE.values()) - {ADVICE[name]}
    assert not [text for text in others if text in reported.advice]


@pytest.mark.parametrize("doing", RIGHTS)
def test_a_right_that_lacks_is_the_one_to_give(doing) -> None:
    assert RIGHTS[doing] in troubles.words(refused("EACCES", FILE), doing).advice


@pytest.mark.parametrize("number", OF_WINDOWS)
def test_windows_has_causes_of_its_own(number, monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    error = OSError(errno.EINVAL, "what Windows says", "C:\\app\\file")
    error.winerror = number  # type: ignore[attr-defined]  # only there
    reported = troubles.words(error, WRITING)
    reason, advice = OF_WINDOWS[number]
    assert reported.what.startswith("C:\\app\\file cannot be written: ")
    assert reason in reported.what
    assert advice in reported.advice


def test_both_names_of_a_rename_and_one_that_the_call_did_not_know(tmp_path) -> None:
    with pytest.raises(OSError, match="No such") as caught:
        os.rename(tmp_path / "a", tmp_path / "b")
    assert troubles.described(caught.value) == f"{tmp_path}/a -> {tmp_path}/b: No such file or directory"
    nameless = OSError(errno.ENOSPC, "No space left on device")
    assert troubles.described(nameless) == "File operation failed: No space left on device"
    assert troubles.words(nameless, near=tmp_path).what.startswith(f"{tmp_path}: ")
    with pytest.raises(OSError, match="here") as caught, troubles.at(tmp_path / "here"):
        raise nameless
    assert caught.value.filename == str(tmp_path / "here")


def test_what_was_wanted_is_the_advice_where_the_name_is_at_fault_and_nowhere_else() -> None:
    for name, wanted in {"ENOENT": True, "EISDIR": True, "ENAMETOOLONG": True, "EACCES": False, "EIO": False}.items():
        error = troubles.trouble(refused(name, FILE), READING, kind=UsageError, wanted="Name the report.")
        assert (error.advice == "Name the report.") is wanted, name
        assert isinstance(error, UsageError)


def test_every_cause_has_words_in_both_languages(monkeypatch) -> None:
    english = {name: troubles.words(refused(name, FILE), WRITING) for name in ADVICE}
    monkeypatch.setenv("RAGTRACE_LANG", "ko")
    i18n.translations.cache_clear()
    monkeypatch.setattr(i18n, "_can_be_written", lambda _language: True)
    try:
        for name, words in english.items():
            korean = troubles.words(refused(name, FILE), WRITING)
            assert korean.what.startswith(FILE)
            assert korean.what != words.what
            assert korean.advice != words.advice
    finally:
        monkeypatch.undo()
        i18n.translations.cache_clear()


# --- conditions that are real


def test_a_folder_that_lacks_a_circle_a_file_as_folder_and_a_long_name(tmp_path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "file").touch()
    for path, reason, advice in (
        (tmp_path / "none" / "x", f"its folder {tmp_path}/none is missing", f"create the folder {tmp_path}/none"),
        (tmp_path / "none", "No such file or directory", "Check the name."),
        (tmp_path / "circle", "Too many levels of symbolic links", "loop"),
        (tmp_path / "file" / "x", "Not a directory", "one of its parents is a file"),
        (tmp_path / ("x" * 300), "File name too long", "shorter"),
        (tmp_path, "Is a directory", "not a folder"),
    ):
        with pytest.raises(OSError, match=r".") as caught:
            path.read_bytes()
        reported = troubles.words(caught.value, READING)
        assert reported.what.startswith(f"{path} cannot be read: ")
        assert reason in reported.what
        assert advice in reported.advice


def test_a_limit_of_file_size_and_of_open_files(tmp_path) -> None:
    with limit(resource.RLIMIT_FSIZE, 4096), pytest.raises(OSError, match="too large") as caught:
        files.write_atomic(tmp_path / "big", b"x" * 8192)
    reported = troubles.words(caught.value, WRITING)
    assert reported.what.startswith(f"{tmp_path}/big cannot be written: File too large")
    assert "ulimit -f" in reported.advice
    with limit(resource.RLIMIT_NOFILE, len(os.listdir("/proc/self/fd"))), pytest.raises(HostError) as lack:
        process.run(["/bin/true"], timeout=30)
    assert lack.value.advice == limits.advice()


@contextlib.contextmanager
def limit(kind: int, most: int):
    previous = resource.getrlimit(kind)
    resource.setrlimit(kind, (most, previous[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, previous)


def test_programs_that_cannot_start(tmp_path) -> None:
    text, script, gone = tmp_path / "text", tmp_path / "script", tmp_path / "gone"
    text.write_text("not for everybody")
    script.write_text(f"#!{gone}\n")
    script.chmod(0o755)
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"\x7fELF of another world")
    wrong.chmod(0o755)
    for program, reason, advice in (
        (gone, "No such file", "Check the name"),
        (text, "Permission denied", "chmod +x"),
        (script, "its interpreter or loader is missing", "first line"),
        (wrong, "Exec format error", "another system"),
    ):
        with pytest.raises(ToolError) as caught:
            process.run([str(program)], timeout=30)
        assert caught.value.what.startswith(f"{program} cannot be started: ")
        assert reason in caught.value.what
        assert advice in caught.value.advice


IN_A_NAMESPACE = """
import errno, os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from shared.files import files; from shared.processes import process; from shared import troubles
from shared.errors import RagtraceError
from pathlib import Path
top = Path(sys.argv[2])

def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)

def tell(call, doing=troubles.WRITING):
    try:
        call()
    except OSError as error:
        print(*troubles.words(error, doing), sep=" | ")
    except RagtraceError as error:
        print(type(error).__name__, error.what, error.advice, sep=" | ")

for name in ("full", "few", "noexec", "readonly"):
    (top / name).mkdir()
mount("-t", "tmpfs", "-o", "size=64k", "t", str(top / "full"))
mount("-t", "tmpfs", "-o", "nr_inodes=2", "t", str(top / "few"))
mount("-t", "tmpfs", "-o", "noexec", "t", str(top / "noexec"))
mount("-t", "tmpfs", "-o", "ro", "t", str(top / "readonly"))
program = top / "noexec" / "program"
program.write_text("#!/bin/sh\\n")
program.chmod(0o755)
tell(lambda: files.write_atomic(top / "full" / "file", bytes(1 << 20)))
tell(lambda: [files.write_atomic(top / "few" / f"file{n}", b"") for n in range(9)])
tell(lambda: files.write_atomic(top / "readonly" / "file", b""))
tell(lambda: process.run([str(program)], timeout=30))
tell(lambda: os.rename(program, top / "full" / "program"))
tell(lambda: os.rmdir(top / "full"), troubles.REMOVING)
mount("-t", "tmpfs", "t", "/dev")
tell(lambda: process.run(["/bin/true"], timeout=30))
"""


def test_filesystems_of_a_namespace(tmp_path) -> None:
    with needs.or_skip():
        needs.root_on_linux()
    argv = ["unshare", "--mount", "--propagation=private", sys.executable, "-B", "-c", IN_A_NAMESPACE]
    root = Path(__file__).resolve().parents[2]
    ended = subprocess.run([*argv, str(root), str(tmp_path)], capture_output=True, text=True, check=False)
    full, few, readonly, noexec, across, busy, bare = ended.stdout.splitlines() or [ended.stderr] * 7
    assert full.startswith(f"{tmp_path}/full/file cannot be written: No space left on device. | Free up space")
    assert few.startswith(f"{tmp_path}/few/")
    assert "all inodes are in use" in few
    assert "df -i" in few
    assert readonly.startswith(f"{tmp_path}/readonly/")
    assert "Read-only file system. | Mount its filesystem read-write" in readonly
    assert noexec.startswith(f"ToolError | {tmp_path}/noexec/program cannot be started: ")
    assert "mounted noexec. | Specify a folder on a filesystem that is not mounted noexec." in noexec
    assert across.startswith(f"{tmp_path}/noexec/program -> {tmp_path}/full/program ")
    assert "Place both on the same filesystem." in across
    assert busy.startswith(
        f"{tmp_path}/full cannot be removed: Device or resource busy. | Stop the program that uses it, or unmount it"
    )
    assert bare.startswith("HostError | /dev/null cannot be opened: ")
    assert "mknod -m 666 /dev/null c 1 3" in bare


@pytest.mark.parametrize(("letter", "cause"), [("i", "IMMUTABLE"), ("a", "APPEND_ONLY")])
def test_an_attribute_that_keeps_even_root_away(tmp_path, letter, cause) -> None:
    with needs.or_skip():
        needs.root_on_linux()
    path = tmp_path / "kept"
    path.touch()
    if subprocess.run(["chattr", f"+{letter}", path], capture_output=True, check=False).returncode:
        pytest.skip("this filesystem has no attributes")
    try:
        with pytest.raises(OSError, match="not permitted") as caught:
            path.unlink()
        assert troubles.cause_of(caught.value, REMOVING) == cause
        reported = troubles.words(caught.value, REMOVING)
        assert f"(chattr +{letter})" in reported.what
        assert f"chattr -{letter}" in reported.advice
        with pytest.raises(OSError, match="not permitted") as caught:
            path.replace(tmp_path / "elsewhere")
        assert troubles.cause_of(caught.value) == cause
        with pytest.raises(HostError, match="kept cannot be written: Operation not permitted"):
            troubles.require_changeable(path)
        (tmp_path / "link").symlink_to(path)
        troubles.require_changeable(tmp_path / "link")
    finally:
        subprocess.run(["chattr", f"-{letter}", path], check=True)
