"""The files that explain the folder that travels: what they show, what they ask, and what they start."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import unicodedata

import pytest

from builder.assemble.documents import BATCH, README, SHELL, beside
from builder.assemble.guide import Facts
from builder.signing.sign import generate_key
from bundle import digest
from bundle.manifest import Product
from bundle.names import BESIDE, INSTALLER, problem
from bundle.opening import SUMS, open_bundle
from bundle.signing.policy import pins
from bundle.signing.signature import parse_public_key
from bundle.target import Target, host_target
from shared.errors import TrustError
from shared.terminal.columns import columns
from tests.builder import small_project
from tests.terminal import Dialogue

ZIPAPP = b"import os, sys\nprint('ZIPAPP', os.environ.get('RAGTRACE_SLIP'), *sys.argv[1:])\nsys.exit(7)\n"
DIGEST = hashlib.sha256(ZIPAPP).hexdigest()
WINDOWS, MACOS = Target("windows", "amd64", "3.11"), Target("macos", "arm64", "3.12")
LINUX, MUSL = Target("linux", "x86_64", "3.11"), Target("musllinux", "x86_64", "3.9")
TARGETS = pytest.mark.parametrize("target", [LINUX, WINDOWS, MACOS, MUSL], ids=str)
posix = pytest.mark.skipif(os.name == "nt", reason="a terminal and a shell of POSIX")
_quick = small_project._quick  # a fixture


def files(target: Target, *, starting: bool = True) -> dict[str, bytes]:
    product = Product("tiny-app", "Tiny-App", "1.0.0", 1)
    return beside(Facts(product, target, None), starting=starting)  # type: ignore[arg-type]


@pytest.fixture(params=["stick", "한글 폴더 & 'b' $x"])
def folder(request, tmp_path):
    """Lay what a folder for this host starts with on a stick, as its user does who opens a terminal there."""
    folder = tmp_path / request.param
    folder.mkdir()
    for name, data in files(host_target()).items():
        (folder / name).write_bytes(data)
    (folder / INSTALLER).write_bytes(ZIPAPP)
    return folder


def begin(folder, language="C.UTF-8"):
    return Dialogue(["sh", folder / SHELL], env={"PATH": os.environ["PATH"], "LC_ALL": language}, cwd=folder.parent)


@TARGETS
@pytest.mark.parametrize("starting", [True, False])
def test_each_file_is_filled_in_and_read_where_it_is_for(target, starting) -> None:
    found = files(target, starting=starting)
    assert set(found) == (set(BESIDE) if starting else {README})
    for name, data in found.items():
        text = data.decode("cp949" if name == BATCH else "utf-8-sig")
        assert not re.search(r"@[A-Z_]+@", text)
        assert re.search("[가-힣]", text)
        assert "Tiny-App" in text
        assert "1.0.0" in text
        assert str(target) in text
    assert found[README].startswith(b"\xef\xbb\xbf")
    for name in {README, BATCH} & set(found):
        assert found[name].count(b"\n") == found[name].count(b"\r\n")
    if starting:
        assert b"\r" not in found[SHELL]
    for name in {README, BATCH, SHELL} & set(found):
        shown = found[name].decode("cp949" if name == BATCH else "utf-8-sig").splitlines()
        for line in shown:  # what a window of 80 columns shows; commands are longer
            if (name == README and not line.startswith("    ")) or line.startswith("echo "):
                assert columns(line.removeprefix("echo ")) <= 80, line


def test_the_names_are_those_that_every_host_holds() -> None:
    for name in BESIDE:
        assert problem(name) is None
        assert unicodedata.normalize("NFC", name) == name


@TARGETS
def test_the_readme_names_what_its_system_has(target) -> None:
    text = files(target)[README].decode("utf-8-sig")
    windows = target.platform == "windows"
    assert ("install.bat" in text, "sh install.sh" in text) == (windows, not windows)
    assert ("certutil -hashfile ragtrace-install.pyz SHA256" in text) == windows
    assert ("sha256sum ragtrace-install.pyz" in text) == (target in (LINUX, MUSL))
    assert ("shasum -a 256 ragtrace-install.pyz" in text) == (target == MACOS)
    assert ("ragtrace-offline.cmd" in text) == windows
    for word in ("TRUST-SLIP.html", "out of band", "별도 경로", "upgrade ."):
        assert word in text


@posix
def test_it_shows_the_digest_asks_and_only_then_starts(folder) -> None:
    dialogue = begin(folder)
    said = dialogue.until("  > ")
    rows = re.findall(r"^ {6}(\w{4} \w{4} \w{4} \w{4})$", said.replace(" \n", "\n"), re.MULTILINE)
    assert "".join(rows).replace(" ", "") == DIGEST
    for words in ("trust slip", "신뢰 확인서", "out of band", "별도 경로", "by sha256sum", "Tiny-App 1.0.0"):
        assert words in said
    assert "ZIPAPP" not in said
    dialogue.type(f"{DIGEST[:4].upper()} {DIGEST[4:8]}")
    dialogue.until(f"ZIPAPP {DIGEST[:8]}\n")
    dialogue.until("Enter...")
    dialogue.type("")
    assert dialogue.end() == 7
    assert len(dialogue.typed) == 2


@posix
def test_what_is_not_on_the_slip_starts_nothing(folder) -> None:
    dialogue = begin(folder)
    for typed in (DIGEST[:7], "0" * 8, "*" * 8):
        dialogue.until("  > ")
        dialogue.type(typed)
    dialogue.until("ask the sender")
    dialogue.until("Enter...")
    dialogue.type("")
    assert (dialogue.end(), "ZIPAPP" in dialogue.shown) == (3, False)


@posix
@pytest.mark.parametrize("keys", [b"\n", b"\x04"], ids=["Enter", "Ctrl-D"])
def test_who_has_no_slip_starts_nothing(folder, keys) -> None:
    dialogue = begin(folder)
    dialogue.until("  > ")
    dialogue.press(keys)
    dialogue.until("Nothing was started.")
    dialogue.until("Enter...")
    dialogue.press(b"\n")
    assert (dialogue.end(), "ZIPAPP" in dialogue.shown) == (2, False)


@posix
def test_without_a_terminal_nothing_starts_and_nothing_waits(folder) -> None:
    done = subprocess.run(
        ["sh", folder / SHELL], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, b"ZIPAPP" in done.stdout) == (2, False)


@posix
def test_a_terminal_without_korean_gets_english_alone(folder) -> None:
    dialogue = begin(folder, "C")
    said = dialogue.until("  > ").replace(str(folder), "")
    dialogue.type("")
    dialogue.until("Enter...")
    dialogue.type("")
    assert dialogue.end() == 2
    assert not re.search("[가-힣]", said)


@posix
@pytest.mark.parametrize("lacking", ["installer", "python", "system", "sha256sum"])
def test_what_is_missing_is_said_and_the_window_stays(folder, tmp_path, lacking) -> None:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "sed", "tr", "dirname", "uname", "locale", "cat", "sha256sum", "python3"):
        found = sys.executable if name == "python3" else shutil.which(name)
        if name != lacking and (name, lacking) != ("python3", "python"):
            (tools / name).symlink_to(found)
    if lacking == "installer":
        (folder / INSTALLER).unlink()
    elif lacking == "system":
        (folder / SHELL).write_bytes(files(WINDOWS)[SHELL])
    else:
        environment["PATH"] = str(tools)
    dialogue = Dialogue(["/bin/sh", folder / SHELL], env=environment)
    if lacking == "sha256sum":  # the host's Python takes its place
        assert re.search(rf"{DIGEST[:4]} {DIGEST[4:8]}", dialogue.until("  > "))
        dialogue.type("")
    else:
        words = {"installer": "Copy the whole folder", "python": "has no Python", "system": "install.bat there"}
        dialogue.until(words[lacking])
    dialogue.until("Enter...")
    dialogue.type("")
    assert dialogue.end() == (2 if lacking in ("installer", "sha256sum") else 4)


def test_the_builder_lays_them_beside_the_archive_and_signs_them(tmp_path) -> None:
    project = small_project.make_project(tmp_path / "small")
    generate_key(tmp_path / "key", None)
    assert small_project.build(project, tmp_path / "key", tmp_path / "out") == 0
    folder = small_project.made(tmp_path / "out")
    sums = digest.read_sums((folder / SUMS).read_bytes(), SUMS)
    assert set(BESIDE) < set(sums)
    assert {name: digest.sha256_file(folder / name)[0] for name in sums} == sums
    assert {path.name for path in folder.iterdir() if not path.name.startswith(SUMS)} == set(sums)
    policy = pins([parse_public_key((tmp_path / "key.pub").read_text())])
    open_bundle(folder, policy)
    for name in BESIDE:  # they may be left behind, and not be altered
        data = (folder / name).read_bytes()
        (folder / name).unlink()
        open_bundle(folder, policy)
        (folder / name).write_bytes(data + b"\n")
        with pytest.raises(TrustError, match=name):
            open_bundle(folder, policy)
        (folder / name).write_bytes(data)
