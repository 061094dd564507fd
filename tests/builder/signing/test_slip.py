"""The slip, and that what it tells people to type does what it says, with the real programs."""

import hashlib
import html
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import segno

from builder.assemble import guide
from builder.assemble.guide import Facts
from builder.project.profile import Profile
from builder.signing import slip
from builder.signing.release import add_signature, read_release
from builder.signing.sign import generate_key, load_signer
from builder.signing.slip import COMMANDS
from bundle.signing.signature import ED25519, PublicKey
from bundle.target import parse_target
from tests.builder.releases import pinned_release
from tests.keys import needs_keygen
from tests.tiny import application

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="commands of a POSIX shell")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slip")
    keys = [folder / "first", folder / "second"]
    for key in keys:
        generate_key(key, None)
    signers = [load_signer(key, lambda: None) for key in keys]
    release = read_release(pinned_release(folder / "out", [one.key for one in signers], 2, key=keys[0]).folder)
    return release, signers


@pytest.fixture
def release(made, tmp_path):
    shutil.copytree(made[0].folder, tmp_path / "travelled")
    return read_release(tmp_path / "travelled")


def shell(commands, folder):
    script = "\n".join(["set -e", *commands])
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    return subprocess.run(["sh", "-c", script], cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_a_fingerprint_stands_on_paper_in_groups_of_four() -> None:
    text = slip.grouped(PublicKey(ED25519, b"blob"))
    assert text.replace(" ", "") == PublicKey(ED25519, b"blob").fingerprint
    assert all(len(group) == 4 for group in text.split()[1:-1])
    assert len(text.split()) == 12


def test_the_slip_says_what_the_operator_compares(release, made):
    text, signers = slip.text(release), made[1]
    digest = hashlib.sha256((release.folder / "ragtrace-install.pyz").read_bytes()).hexdigest()
    assert digest in re.sub(r"\s", "", text)
    assert f"  {digest[:4]} {digest[4:8]} {digest[8:12]} {digest[12:16]}\n" in text
    assert f"{slip.grouped(signers[0].key)}  (signed" in text
    assert f"{slip.grouped(signers[1].key)}  (has not signed yet" in text
    assert "2 of 2" in text
    product = release.manifest.product
    for fact in (product.title, product.version, str(product.counter), release.manifest.created, "linux"):
        assert fact in text
    assert "서명" in text


def test_a_second_signer_shows(release, made):
    text = slip.text(add_signature(release, made[1][1]))
    assert text.count("(signed") == 2


def test_the_page_says_the_same_and_fetches_nothing(release):
    class Words(HTMLParser):
        def __init__(self):
            super().__init__()
            self.found = []
            self.tags = set()

        def handle_starttag(self, tag, attrs):
            self.tags |= {tag, *(name for name, _value in attrs)}

        def handle_data(self, data):
            self.found.append(data)

    words = Words()
    words.feed(slip.page(release))
    shown = "".join(words.found)
    for part in (*slip.signer_lines(release), *slip.groups(release.zipapp_sha256), *slip.commands().values()):
        assert part in shown
    assert not words.tags & {"script", "img", "link", "src", "href", "iframe"}


def test_the_digest_is_a_qr_code_too_and_there_is_room_for_who_compared_it(release):
    shown = slip.page(release)
    code = segno.make(release.zipapp_sha256, error="m", micro=False)
    drawn = slip.qr_code(release.zipapp_sha256)
    assert drawn in shown
    assert drawn == code.svg_inline(border=4, omitsize=True)
    assert slip.qr_code(release.zipapp_sha256[::-1]) != drawn
    for word in ("Compared by", "Date and time", "Host", "Signature", "비교한 사람", "날짜와 시각", "자산명"):
        assert word in shown
        assert word in slip.text(release)


def new_keys(folder, count):
    for number in range(count):
        generate_key(folder / str(number), None)
    return [folder / str(number) for number in range(count)]


def test_the_page_fits_one_sheet(tmp_path):
    """Print it with a browser: five keys, a long name and advisories."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("chromium is not installed")
    keys = [load_signer(path, lambda: None).key for path in new_keys(tmp_path, 5)]
    full = read_release(pinned_release(tmp_path / "out", keys, 3, key=tmp_path / "0").folder)
    text = slip.page(full).replace("none · 없음", "\n".join(["15124 live · 유효 15124건", *slip.groups("0" * 64)]))
    page, pdf = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(text.replace("Tiny-App", "Retrieval-Augmented Generation Evaluation " * 3), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={tmp_path}/b"]
    printing = [browser, *options, f"--print-to-pdf={pdf}", page.as_uri()]
    subprocess.run(printing, capture_output=True, timeout=120, check=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) == 1


def test_a_hostile_name_stays_text_on_the_page(release, monkeypatch):
    monkeypatch.setattr(slip, "signer_lines", lambda _release: ["<script>alert(1)</script>"])
    assert html.escape("<script>") in slip.page(release)
    assert "<script>" not in slip.page(release)


def test_the_slip_lies_beside_the_folder_that_travels(release):
    before = sorted(path.name for path in release.folder.iterdir())
    path = slip.write_slip(release)
    assert path == release.folder.parent / "travelled.slip" / "TRUST-SLIP.txt"
    assert path.with_suffix(".html").is_file()
    assert sorted(found.name for found in release.folder.iterdir()) == before
    slip.write_slip(release)  # again, over the former


# what people type


@pytest.mark.parametrize("platform", ["linux-x86_64", "macos-arm64", "windows-amd64"])
@pytest.mark.parametrize("name", guide.PAGES)
def test_the_guide_has_the_same_commands(release, platform, name):
    facts = Facts(release.manifest.product, parse_target(platform, "3.11"), Profile("Tiny-App", application()))
    text = guide.page(name, facts)
    system = platform.partition("-")[0]
    for which, commands in slip.commands().items():
        if which == "check_elsewhere":
            assert f"```\n{commands.replace('python3', facts.python)}\n```" in text
        else:
            assert (f"```\n{commands}\n```" in text) == (which == f"check_{system}")


@needs_keygen
@on_posix
@pytest.mark.parametrize("system", ["check_linux", "check_macos"])
def test_the_commands_print_every_fingerprint_and_check_every_file(release, made, system):
    if system == "check_macos" and shutil.which("shasum") is None:
        pytest.skip("shasum is not installed")
    add_signature(release, made[1][1])
    done = shell(COMMANDS[system], release.folder)
    assert done.returncode == 0, done.stderr
    for signer in made[1]:
        assert signer.key.fingerprint in done.stdout
    assert done.stdout.count(": OK\n") == 3


@needs_keygen
@on_posix
@pytest.mark.parametrize("name", ["ragtrace-install.pyz", "MANIFEST.json"])
def test_the_commands_find_an_altered_file(release, name):
    with (release.folder / name).open("ab") as file:
        file.write(b"x")
    done = shell(COMMANDS["check_linux"], release.folder)
    assert done.returncode != 0
    assert f"{name}: FAILED" in done.stdout


@needs_keygen
@on_posix
def test_the_commands_find_altered_sums(release):
    sums = release.folder / "SHA256SUMS"
    sums.write_bytes(sums.read_bytes().replace(b"0", b"1", 1))
    done = shell(COMMANDS["check_linux"][:1], release.folder)
    assert done.returncode != 0
    assert "Good" not in done.stdout


@on_posix
def test_the_command_for_elsewhere_prints_the_digest_of_the_slip(release):
    done = shell(COMMANDS["check_elsewhere"], release.folder)
    assert done.stdout.strip() == release.zipapp_sha256


def test_the_commands_for_windows(release):
    signatures, sums, shown = COMMANDS["check_windows"]
    assert "ssh-keygen -Y check-novalidate -n ragtrace-release@v1 -s %s < SHA256SUMS" in signatures
    assert shown == "type SHA256SUMS"
    # every name that the sums have is matched by a pattern of the loop, whose braces cmd knows
    assert re.fullmatch(r"for %f in \((.*)\) do certutil -hashfile %f SHA256", sums)
    if sys.platform == "win32":  # pragma: no cover
        done = subprocess.run(["cmd", "/c", sums], cwd=release.folder, capture_output=True, text=True, check=True)
        assert release.zipapp_sha256 in done.stdout.replace(" ", "")
