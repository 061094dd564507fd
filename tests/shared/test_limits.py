from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from argparse import Namespace

import pytest

from installer.install import probes
from installer.layout.prefix import Prefix
from installer.userdata import backups
from shared import limits
from shared.errors import HostError
from shared.processes import ending
from shared.terminal import commandline, console, waiting
from tests.helpers import install


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        ImportError("libx.so: failed to map segment from shared object"),
        ImportError("libx.so: cannot allocate memory"),
    ],
)
def test_what_a_host_refuses_is_no_bug(error, capsys) -> None:
    def refuse(_arguments):
        raise error

    assert commandline.run_command(refuse, Namespace()) == 4
    assert "Raise the limit" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(sys, "stdlib_module_names"), reason="this Python does not say what is its own")
def test_a_python_that_lacks_a_module_of_its_own_is_no_bug(capsys) -> None:
    def fail(arguments):
        raise ModuleNotFoundError(f"No module named {arguments.name!r}", name=arguments.name)

    assert commandline.run_command(fail, Namespace(name="mmap")) == 4
    assert "has an incomplete standard library; missing: mmap" in capsys.readouterr().err
    assert commandline.run_command(fail, Namespace(name="bootstrap.nothing")) == 70


@pytest.mark.parametrize("error", [RuntimeError("dictionary changed size"), ImportError("No module named 'x'")])
def test_what_is_a_bug_stays_one(error, capsys) -> None:
    def fail(_arguments):
        raise error

    assert limits.refused(error) is None
    assert commandline.run_command(fail, Namespace()) == 70
    assert "This is a bug" in capsys.readouterr().err


def test_a_limit_that_is_met_in_an_installation_names_the_active_release(prefix, tiny, monkeypatch) -> None:
    def refuse(*_arguments, **_options):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("installer.release.acceptance.check_records", refuse)
    active = prefix.active()
    damaged = active.path / "launch.py"  # else there would be nothing to install
    damaged.chmod(0o644)
    damaged.write_text("")
    with pytest.raises(HostError, match="cannot start more threads") as caught:
        install(tiny, prefix)
    assert f"The active release is still {active.id}." in caught.value.advice
    assert prefix.active() == active


def test_threads_that_cannot_be_had_are_counted_and_given_back(monkeypatch) -> None:
    before, start, left = threading.active_count(), threading.Thread.start, iter(range(3))

    def some(thread):
        if next(left, None) is None:
            raise RuntimeError("can't start new thread")
        start(thread)

    assert limits.threads_at_once(5) == 5
    monkeypatch.setattr(threading.Thread, "start", some)
    assert limits.threads_at_once(5) == 3
    assert not probes.programs().fits
    assert threading.active_count() == before


def test_waiting_goes_on_without_a_thread(monkeypatch) -> None:
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with waiting.ticking(lambda _detail, _seconds: None, waiting.Clock()) as pending:
        pending.about("work")
    assert pending.detail == "work"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_ctrl_c_by_another_name(number, capsys) -> None:
    cleaned = []

    def work(_arguments):
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        finally:
            os.kill(os.getpid(), number)  # a second one does not end the cleaning up
            cleaned.append(True)

    before = [signal.getsignal(each) for each in ending.ASKING]
    assert commandline.run_command(work, Namespace()) == 128 + number
    assert cleaned == [True]
    assert capsys.readouterr().err == f"Terminated by {number.name}.\n"
    assert [signal.getsignal(each) for each in ending.ASKING] == before


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_what_the_caller_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending.heeded():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


class Full:
    encoding = "utf-8"

    def write(self, _text):
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    def fileno(self):
        raise ValueError


def test_a_stdout_that_fails_is_told_once_and_changes_nothing(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "stdout", Full())
    assert console.is_read()
    assert commandline.run_command(lambda _arguments: 0 * console.show("a") * console.show("b"), Namespace()) == 0
    assert not console.is_read()
    console.flush()
    assert capsys.readouterr().err == "warning: the output cannot be written: No space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="owners of POSIX")
def test_data_that_cannot_be_backed_up_are_told_beforehand(tmp_path, monkeypatch) -> None:
    prefix = Prefix(tmp_path)
    prefix.make()
    (prefix.data / "mine.txt").write_text("x")
    assert list(probes.copying(prefix)) == []
    monkeypatch.setattr(os, "access", lambda path, *_how, **_options: path != "mine.txt")
    (finding,) = probes.copying(prefix)
    assert not finding.fits
    assert "mine.txt cannot be read" in finding.details


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root gives owners")
def test_owners_that_cannot_be_given_are_told_beforehand(tmp_path, monkeypatch) -> None:
    prefix = Prefix(tmp_path)
    prefix.make()
    (prefix.data / "mine.txt").write_text("x")
    os.chown(prefix.data / "mine.txt", 1234, 1234)

    def refuse(*_arguments, **_options):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    assert list(probes.copying(prefix)) == []
    monkeypatch.setattr(os, "chown", refuse)
    (finding,) = probes.copying(prefix)
    assert not finding.fits
    assert "cannot set the owner of a copy" in finding.details
    assert not list(prefix.backups.iterdir())
    assert backups.list_backups(prefix) == []
