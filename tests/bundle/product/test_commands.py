"""Names of commands: what is typed is what starts, on every host."""

import re
import shutil
import subprocess

import pytest

from bundle.product.commands import shadowed, taken, trouble
from installer.release.scripts import POSIX_APPLICATION, POSIX_TOOL


@pytest.mark.parametrize(
    "name",
    [
        "ragtrace",
        "ragtrace-dashboard",
        "rag-mini",
        "docker",
        "pipeline",
        "gitlab-sync",
        "app.py",
        "tests",
        "timer",
        "my-test",
        "echo-server",
        "pythonic",
    ],
)
def test_free(name):
    assert taken(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *(
            (name, "reserved for the installer")
            for name in ("ragtrace-offline", "ragtrace-offline2", "RAGTRACE-Install.pyz")
        ),
        *((name, "scripts and printed commands use") for name in ("python", "python3", "Python3.11", "py", "cat")),
        *((name, "scripts and printed commands use") for name in ("ssh-keygen", "sha256sum.exe", "certutil")),
        *((name, "(sh)") for name in ("test", "time", "cd", "Echo", "set", "type", "case")),
        *((name, "(bash)") for name in ("source", "help", "coproc")),
        *((name, "(zsh)") for name in ("where", "log", "repeat")),
        *((name, "(cmd)") for name in ("start", "dir", "MKLINK", "start.bat", "cls.cmd.exe", "dir.old", "ver.py")),
        *((name, "also a system program (POSIX)") for name in ("env", "make", "Find", "awk.exe", "sed")),
        *(
            (name, "also a system program (Linux, macOS)")
            for name in ("bash", "SSH", "scp.exe", "systemctl", "apt-get", "tar")
        ),
        *((name, "also a system program (Windows)") for name in ("powershell.exe", "robocopy", "NET", "tasklist")),
        *(
            (name, "also a system program (Python, git)")
            for name in ("git", "uv", "uvx", "pip", "pip3", "pip3.11", "UV.exe")
        ),
        *((name, "(PowerShell)") for name in ("curl", "ls", "measure")),
    ],
)
def test_taken(name, why):
    assert why in (taken(name) or "")
    assert (taken(name) or "").startswith(f"{name} is ")


def test_every_word_of_this_host_s_bash():
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    reported = subprocess.run([bash, "-c", "compgen -bk"], capture_output=True, text=True, check=True).stdout.split()
    words = [word for word in reported if re.fullmatch(r"[A-Za-z].*", word)]
    assert len(words) > 60
    assert [word for word in words if not taken(word)] == []


def test_every_program_that_this_host_s_base_has():
    dpkg = shutil.which("dpkg-query")
    if dpkg is None:
        pytest.skip("no Debian here")
    packages = ("coreutils", "findutils", "grep", "sed", "gzip", "tar", "hostname", "diffutils", "bash", "dash")
    listed = subprocess.run([dpkg, "-L", *packages], capture_output=True, text=True, check=True).stdout
    programs = set(re.findall(r"^(?:/usr)?/bin/([a-z0-9-]+)$", listed, re.MULTILINE))
    assert len(programs) > 100
    assert [name for name in programs if not taken(name)] == []


def test_programs_of_some_hosts_are_told_and_no_reason_to_refuse():
    assert [name for name in ("docker", "Node.exe", "pytest", "my-app", "git") if shadowed(name)] == [
        "docker",
        "Node.exe",
        "pytest",
    ]


def test_every_program_that_the_scripts_in_bin_call():
    """One of that name, first on a user's PATH, would be called by its own script for ever."""
    script = POSIX_APPLICATION + POSIX_TOOL
    functions = set(re.findall(r"^([a-z_]+)\(\)", script, re.MULTILINE))
    called = set(re.findall(r"(?:\$\(|(?<!\|)\| )(?:CDPATH= )?([a-z]+) ", script)) - functions
    assert called == {"readlink", "dirname", "cat", "cd", "printf", "sed"}
    assert [name for name in called if not taken(name)] == []


@pytest.mark.parametrize("other", ["App", "app.exe", "APP.cmd", "app.bat.com"])
def test_two_that_start_the_same_program_somewhere(other):
    index, why = trouble(["one", "app", other])
    assert index == 2
    assert why.endswith("it starts the same program as app")


def test_names_that_differ_on_every_host():
    assert trouble(["app", "app2", "app.py", "app-exe"]) is None
