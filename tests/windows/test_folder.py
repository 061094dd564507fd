"""The folder that travels on a Windows host: what install.bat shows, asks and starts when it is double-clicked."""

from __future__ import annotations

import hashlib
import json

import pytest

from builder.assemble.documents import BATCH, beside
from builder.assemble.guide import Facts
from bundle.manifest import Product
from bundle.names import INSTALLER
from bundle.target import Target
from tests.windows.operator import Operator

pytestmark = [pytest.mark.index, pytest.mark.host]
ZIPAPP = b"import os, sys\nprint('ZIPAPP', os.environ.get('RAGTRACE_SLIP'), *sys.argv[1:])\nsys.exit(7)\n"
WINDOWS = Target("windows", "amd64", "3.11")
DIGEST = hashlib.sha256(ZIPAPP).hexdigest()
STICK = "C:\\stick (한글) & !b"
PATHS = "C:\\python\\3.11"
# somebody at a window: types each line only once it is asked for, because set /p reads a pipe whole
TYPIST = """\
import json, os, subprocess, sys
for name in ("LANG", "LC_ALL", "USER"):
    os.environ.pop(name, None)
script, lines = sys.argv[1], json.loads(sys.argv[2])
program = subprocess.Popen([script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
shown = b""
for line in lines:
    seen = len(shown)
    while b"  > " not in shown[seen:]:
        byte = program.stdout.read(1)
        if not byte:
            break
        shown += byte
    program.stdin.write(line.encode() + b"\\r\\n")
    program.stdin.flush()
program.stdin.close()
shown += program.stdout.read()
print(json.dumps({"code": program.wait(), "shown": shown.decode("latin-1")}))
"""
CERTUTIL = """\
@echo off
echo SHA256 hash of %2:
echo {digits}
echo CertUtil: -hashfile command completed successfully.
"""


def lay(host, folder: str, target: Target) -> None:
    """Lay the files of a folder for a target on the host, with a stand-in for the installer."""
    place = host.path(folder)
    place.mkdir(parents=True, exist_ok=True)
    facts = Facts(Product("tiny-app", "Tiny-App", "1.0.0", 1), target, None)
    for name, data in beside(facts, starting=True).items():
        (place / name).write_bytes(data)
    (place / INSTALLER).write_bytes(ZIPAPP)


def click(host, folder: str, *typed: str, path: str = PATHS):
    """Double-click install.bat in a folder, and type lines; return its exit code and what its window showed."""
    host.path("C:\\typist.py").write_text(TYPIST)
    script = f"{folder}\\{BATCH}"
    done = host.python("3.11", "C:\\typist.py", script, json.dumps(typed), env={"WINEPATH": path}, cwd=folder)
    told = json.loads(done.stdout)
    return told["code"], told["shown"].encode("latin-1")


@pytest.fixture(scope="module")
def stick(windows):
    lay(windows, STICK, WINDOWS)
    return windows


def test_it_shows_the_digest_asks_and_only_then_starts(stick) -> None:
    code, shown = click(stick, STICK, f"{DIGEST[:4].upper()} {DIGEST[4:16]}")
    asked, _prompt, then = shown.partition(b"  > ")
    rows = [f"      {' '.join(DIGEST[at + n : at + n + 4] for n in (0, 4, 8, 12))}" for at in (0, 16, 32, 48)]
    assert "\r\n".join(rows).encode() in asked
    for words in (b"Tiny-App 1.0.0", b"trust slip", b"out of band", b"TRUST-SLIP.html"):
        assert words in asked
    assert b"ZIPAPP" not in asked
    assert (code, f"ZIPAPP {DIGEST[:4].upper()}{DIGEST[4:16]}".encode() in then) == (7, True)
    assert b"Press any key" in then


@pytest.mark.parametrize("between", ["", " "], ids=["Windows 10", "Windows 7"])
def test_the_digest_is_certutils(stick, between) -> None:
    """Wine has no certutil that hashes, so a stand-in prints what those of Windows print."""
    folder = f"C:\\certutil{len(between)}"
    stick.path(folder).mkdir()
    digits = between.join(DIGEST[at : at + 2] for at in range(0, 64, 2))
    (stick.path(folder) / "certutil.bat").write_text(CERTUTIL.format(digits=digits), newline="\r\n")
    code, shown = click(stick, STICK, DIGEST[:8], path=f"{folder};{PATHS}")
    assert (code, b"by certutil" in shown) == (7, True)


@pytest.mark.parametrize("typed", [("0" * 8, DIGEST[:7], 'a&b"c d'), ("%PATH%", "!x!^", "***")])
def test_what_is_not_on_the_slip_starts_nothing(stick, typed) -> None:
    code, shown = click(stick, STICK, *typed)
    assert (code, b"ZIPAPP" in shown, b"ask the sender again" in shown) == (3, False, True)
    assert b"Press any key" in shown


@pytest.mark.parametrize("typed", [(), ("",)])
def test_who_has_no_slip_starts_nothing(stick, typed) -> None:
    code, shown = click(stick, STICK, *typed)
    assert (code, b"ZIPAPP" in shown, b"Nothing was started." in shown) == (2, False, True)
    assert b"Press any key" in shown


def test_no_program_of_the_medium_is_run(stick) -> None:
    for name in ("certutil.bat", "python.bat", "py.bat", "chcp.bat"):
        (stick.path(STICK) / name).write_text("@echo off\r\necho MEDIUM\r\n")
    code, shown = click(stick, STICK, DIGEST[:8])
    assert (code, b"MEDIUM" in shown) == (7, False)


def test_what_is_missing_is_said_and_the_window_stays(stick) -> None:
    for folder, target in (("C:\\for linux", Target("linux", "x86_64", "3.11")), ("C:\\half", WINDOWS)):
        lay(stick, folder, target)
    (stick.path("C:\\half") / INSTALLER).unlink()
    for folder, path, word, ended in (
        ("C:\\for linux", PATHS, b"sh install.sh", 4),
        ("C:\\half", PATHS, b"Copy the whole folder", 2),
        (STICK, "C:\\nothing", b"has no Python", 4),
    ):
        code, shown = click(stick, folder, path=path)
        assert (code, word in shown, b"Press any key" in shown) == (ended, True, True), shown


def test_it_installs_the_bundle(windows, small) -> None:
    jotter = Operator(windows, "C:\\users\\root\\AppData\\Local\\ragtrace\\jotter")
    folder = jotter.copy_in(small(), "C:\\sticks")
    digest = hashlib.sha256((windows.path(folder) / INSTALLER).read_bytes()).hexdigest()
    code, shown = click(windows, folder, digest[:8])
    assert (code, b"Installed " in shown) == (0, True), shown.decode("cp1252", "replace")
