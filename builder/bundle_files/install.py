#!/usr/bin/env python3
# -*- coding: utf-8 -*-
"""Start the installer of this bundle, but only after you have confirmed its digest.

Nothing on this medium can authenticate the medium. Check ragtrace-install.pyz as this script shows, and
type the first row of its SHA-256 from the trust slip that you received out of band: only then does it run.
    python3 install.py --digest "1a2b 3c4d 5e6f 7081" [options of install]
The digest is recorded for this user on this host: you are not asked again for the same bytes.
The syntax is that of Python 2.7, so that an interpreter that is too old prints a clear message.
"""

import binascii
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = "ragtrace-install.pyz"
OLDEST = (3, 9)
ROW = 16  # digits: too many for anyone to construct another file whose digest begins with them
HOW = """\
Nothing has run yet. Check the installer with programs that this host has, in the folder that holds SHA256SUMS:
  Linux:    for s in SHA256SUMS.*.sig; do
            ssh-keygen -Y check-novalidate -n ragtrace-release@v1 -s "$s" < SHA256SUMS; done
            sha256sum -c SHA256SUMS
  macOS:    the same, with: shasum -a 256 -c SHA256SUMS
  Windows:  certutil -hashfile ragtrace-install.pyz SHA256
and compare fingerprints and SHA-256 with the trust slip that you were given out of band.
If they match, run this script again with the first row of the SHA-256 on the slip:
  {python} "{script}" --digest "XXXX XXXX XXXX XXXX"
"""
KOREAN = {
    HOW: """\
아직 아무것도 실행하지 않았습니다. SHA256SUMS가 있는 폴더에서 이 호스트의 명령으로 설치 프로그램을 확인하십시오.
  Linux:    for s in SHA256SUMS.*.sig; do
            ssh-keygen -Y check-novalidate -n ragtrace-release@v1 -s "$s" < SHA256SUMS; done
            sha256sum -c SHA256SUMS
  macOS:    같은 방법이며, 둘째 명령은 shasum -a 256 -c SHA256SUMS
  Windows:  certutil -hashfile ragtrace-install.pyz SHA256
지문과 SHA-256 값을 별도 경로로 받은 신뢰 확인서와 비교하십시오.
모두 일치하면 신뢰 확인서에 있는 SHA-256의 첫 줄을 넣어 다시 실행하십시오.
  {python} "{script}" --digest "XXXX XXXX XXXX XXXX"
""",
    "error: {name} is missing: unpack the whole archive.\n": (
        "오류: {name} 파일이 없습니다. 아카이브 전체의 압축을 푸십시오.\n"
    ),
    "error: the SHA-256 of {name} does not begin with the digits that you entered.\n"
    "  next: compare them with the trust slip again; if they are right, this is not the installer that was sent:\n"
    "        do not run it, and ask the sender for the bundle again.\n": (
        "오류: {name}의 SHA-256 값이 입력한 값으로 시작하지 않습니다.\n"
        "  다음: 입력한 값을 신뢰 확인서와 다시 비교하십시오. 값이 맞으면 전달된 설치 프로그램이 아닙니다.\n"
        "        실행하지 말고, 보낸 사람에게 번들을 다시 요청하십시오.\n"
    ),
    "error: {place}: {reason}.\n": "오류: {place}: {reason}.\n",
}


def told(text, **facts):
    """Write a message to stderr, in Korean if the language and the encoding allow it."""
    korean = KOREAN.get(text, text)
    try:
        korean.encode(sys.stderr.encoding or "ascii")
    except (LookupError, UnicodeError):
        korean = text
    facts = {name: one_line(str(value)) for name, value in facts.items()}
    sys.stderr.write((korean if language() == "ko" else text).format(**facts))


def one_line(text):
    """Escape what could control a terminal: the folder on the medium may have any name."""
    if not hasattr(text, "isprintable"):
        return text  # Python 2, which start() refuses as too old
    return "".join(part if part.isprintable() else part.encode("unicode_escape").decode() for part in text)


def language():
    """Return the code of the operator's language, determined as in the installer."""
    for name in ("RAGTRACE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return os.environ[name].partition(".")[0].partition("_")[0]
    if os.name == "nt":
        import ctypes
        import locale

        code = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return locale.windows_locale.get(code, "en").partition("_")[0]
    return "en"


def copy(source, target):
    """Copy a file and return the SHA-256 of the bytes written."""
    digest = hashlib.sha256()
    with open(source, "rb") as file, open(target, "xb") as out:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
            out.write(block)
    return digest.hexdigest()


def state():
    """Return the state folder of the tool for this user, which is not on the medium."""
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Application Support")
    else:
        base = os.environ.get("XDG_STATE_HOME", "")
        base = base if os.path.isabs(base) else os.path.expanduser("~/.local/state")
    return os.path.join(base, "ragtrace")


def memory():
    """Return the folder that has an empty file for each digest that this user has confirmed."""
    return os.path.join(state(), "vouched")


class Private(object):
    """A locked folder for the installer's copy; later commands find it by name and remove what a killed run left."""

    def __init__(self):
        self.handle, name = None, binascii.hexlify(os.urandom(16)).decode()
        place = register()
        self.folder = os.path.join(tempfile.gettempdir(), ("ragtrace-" if place else ".trial-") + name)
        self.link = os.path.join(place or tempfile.gettempdir(), ".trial-" + name)
        self.lock = self.link + ".lock"

    def make(self):
        self.handle = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            hold(self.handle)
        except OSError:
            pass  # no locks on this file system: then no command considers it abandoned either
        if self.link != self.folder:
            os.symlink(self.folder, self.link)
        os.mkdir(self.folder, 0o700)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.handle is not None:
            os.close(self.handle)
        for path in (self.link, self.lock):
            if os.path.lexists(path):
                os.unlink(path)


def hold(handle):
    """Lock an open file in the same way as the installer."""
    if os.name == "nt":
        import msvcrt

        os.lseek(handle, 1 << 20, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)


def register():
    """Return the folder that the installer searches for links to temporary folders, or "" if this user has none."""
    place = os.path.join(state(), "scratch")
    if os.name == "nt":
        return ""
    known = place
    while not os.path.isdir(known):
        known = os.path.dirname(known)
    status = os.stat(known)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        return ""  # sudo may preserve the caller's HOME
    try:
        if not os.path.isdir(place):
            os.makedirs(place, 0o700)
    except OSError:
        return ""
    return place if os.access(place, os.W_OK | os.X_OK) else ""


def remembered(digest):
    """Return whether this user has confirmed a digest, recorded in a folder that no other user can write to."""
    try:
        folder = os.lstat(memory())
        os.lstat(os.path.join(memory(), digest))
    except OSError:
        return False
    if os.name == "nt":
        return stat.S_ISDIR(folder.st_mode)
    return stat.S_ISDIR(folder.st_mode) and folder.st_uid == os.geteuid() and not folder.st_mode & 0o022


def remember(digest):
    """Record a digest; if this fails, the operator is asked again the next time."""
    try:
        if not os.path.isdir(memory()):
            os.makedirs(os.path.dirname(memory()), exist_ok=True)
            os.mkdir(memory(), 0o700)
        with open(os.path.join(memory(), digest), "ab"):
            pass
    except OSError:
        pass


def wait_for(command, handle):
    """Run a child process and return its exit code; leave Ctrl-C to it, and forward SIGTERM and SIGHUP."""
    held = {} if os.name == "nt" else {"pass_fds": (handle,)}  # the child's copy holds the lock as long as it runs
    # the path that the installer prints as its own
    child = subprocess.Popen(command, env=dict(os.environ, RAGTRACE_COPY_OF=os.path.join(HERE, NAME)), **held)
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if os.name != "nt" and signal.getsignal(number) == signal.SIG_DFL:  # not if nohup ignores it
            signal.signal(number, lambda number, _frame: child.send_signal(number))
    while True:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            continue
        return code if code >= 0 else 128 - code


def signed_root():
    """Return the root of the unpacked bundle, or None if its SHA256SUMS is missing."""
    root = os.path.dirname(HERE)
    beside = [os.path.join(folder, "SHA256SUMS") for folder in (root, os.path.dirname(root))]
    return root if any(os.path.isfile(path) for path in beside) else None


def digest_of(argv):
    """Return whether --digest was given, its value without spaces, and the other arguments."""
    if "--digest" not in argv:
        return False, "", argv
    at = argv.index("--digest")
    return True, "".join("".join(argv[at + 1 : at + 2]).split()).lower(), argv[:at] + argv[at + 2 :]


def start(command, argv):
    """Run a command of the installer if the operator has confirmed the installer's digest; return the exit code."""
    if sys.version_info < OLDEST:
        sys.stderr.write(
            "error: Python %d.%d is too old: 3.9 or later is needed.\n"
            "  next: install Python 3.9 or later on this host.\n" % sys.version_info[:2]
        )
        return 4
    zipapp = os.path.join(HERE, NAME)
    if not os.path.isfile(zipapp):
        told("error: {name} is missing: unpack the whole archive.\n", name=zipapp)
        return 2
    asked, given, rest = digest_of(argv)
    how = {"python": os.path.basename(sys.executable), "script": os.path.abspath(sys.argv[0])}
    if asked and (len(given) < ROW or given.strip("0123456789abcdef")):
        told(HOW, **how)
        return 3
    private = Private()
    try:
        # the copy is both hashed and run, so it cannot be replaced in between
        private.make()
        checked = os.path.join(private.folder, NAME)
        digest = copy(zipapp, checked)
        if not asked and not remembered(digest):
            told(HOW, **how)
            return 3
        if not digest.startswith(given):
            told(
                "error: the SHA-256 of {name} does not begin with the digits that you entered.\n"
                "  next: compare them with the trust slip again; "
                "if they are right, this is not the installer that was sent:\n"
                "        do not run it, and ask the sender for the bundle again.\n",
                name=NAME,
            )
            return 3
        if asked:
            remember(digest)
        return wait_for([sys.executable, "-I", "-B", checked] + command + rest, private.handle)
    except OSError as error:
        told("error: {place}: {reason}.\n", place=error.filename or private.folder, reason=error.strerror)
        return 4
    finally:
        private.remove()


if __name__ == "__main__":
    sys.exit(start(["install", os.path.dirname(HERE)], sys.argv[1:]))
