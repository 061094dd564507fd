"""The wrappers: they show how to check, and start nothing that was not vouched for."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FILES = Path(__file__).parents[3] / "builder" / "bundle_files"
ZIPAPP = b"import sys\nprint('started', *sys.argv[1:])\n"
DIGEST = hashlib.sha256(ZIPAPP).hexdigest()


@pytest.fixture
def scripts(tmp_path):
    folder = tmp_path / "Tiny-App" / "04_Scripts"
    folder.mkdir(parents=True)
    for name in ("install.py", "install.sh", "install.bat"):
        shutil.copy(FILES / name, folder / name)
    (folder / "ragtrace-install.pyz").write_bytes(ZIPAPP)
    return folder


def run(*argv):
    argv = [str(part) for part in argv]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--digest"],
        ["--digest", ""],
        ["--digest", DIGEST[:15]],
        ["--digest", "x" * 16],
        ["install"],
        ["--yes", "--digest", DIGEST],
    ],
)
def test_it_shows_how_to_check_and_starts_nothing(scripts, options):
    done = run(sys.executable, scripts / "install.py", *options)
    assert done.returncode == 3
    assert "started" not in done.stdout
    for part in ("ssh-keygen -Y check-novalidate", "sha256sum -c", "certutil -hashfile", "--digest"):
        assert part in done.stderr
    # what is to be compared with paper must not be there to copy from
    assert DIGEST[:4] not in done.stderr.replace(str(scripts), "")


@pytest.mark.parametrize("row", [DIGEST[:16], f" {DIGEST[:8]} {DIGEST[8:16]} ", DIGEST.upper()])
def test_it_starts_what_the_slip_vouches_for(scripts, row):
    done = run(sys.executable, scripts / "install.py", "--digest", row, "--prefix", "/x")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"started install {scripts.parent} --prefix /x"


def test_another_installer_is_not_started(scripts):
    (scripts / "ragtrace-install.pyz").write_bytes(ZIPAPP + b"#")
    done = run(sys.executable, scripts / "install.py", "--digest", DIGEST[:16])
    assert done.returncode == 3
    assert "not the installer that was sent" in done.stderr
    assert done.stdout == ""


def test_a_missing_installer_is_told(scripts):
    (scripts / "ragtrace-install.pyz").unlink()
    done = run(sys.executable, scripts / "install.py", "--digest", DIGEST[:16])
    assert (done.returncode, "is missing" in done.stderr) == (2, True)


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
def test_the_shell_script_does_the_same(scripts):
    assert run("sh", scripts / "install.sh").returncode == 3
    assert "started install" in run("sh", scripts / "install.sh", "--digest", DIGEST[:16]).stdout
