"""The guides of a bundle: true for its platform alone, with its own names, and every command that they print exists."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap import cli
from builder.assemble import guide
from builder.assemble.documents import PLACES
from builder.assemble.guide import Facts
from builder.models.models import CollectedModel, ModelFile
from builder.project.profile import Profile
from bundle.manifest import Product
from bundle.product.application import Application, Launcher
from bundle.product.commands import TOOL as OWN
from bundle.product.environment import Environment
from bundle.target import parse_target
from installer.layout.location.finding import default_root
from shared.terminal.parser import Parser

PLATFORMS = {"linux": "linux-x86_64", "macos": "macos-arm64", "windows": "windows-amd64"}
APPLICATION = Application(
    launchers=(Launcher("rag", "script", "cli.py"), Launcher("rag-page", "script", "page.py", cwd="app")),
    environment=Environment(
        {"RAG_KEY": "placeholder", "RAG_COLOUR": "red", "RAG_MODEL": ""},
        ("RAG_KEY",),
        {"RAG_MODEL": "{models}/m3"},
        also=("RAG_DEVICE",),
        defaults={"RAG_EMBEDDING": "m3"},
    ),
    persist=("data", "exports"),
)
MODEL = CollectedModel("m3", "org/m3", "0123abcd", (ModelFile("weights", Path("weights"), 2_000_000_000, "0" * 64),))
each_page = pytest.mark.parametrize("name", guide.PAGES)
each_platform = pytest.mark.parametrize("platform", PLATFORMS)


def facts(platform: str) -> Facts:
    profile = Profile("RAG-App", APPLICATION)
    target = parse_target(PLATFORMS[platform], "3.11")
    return Facts(Product("rag-app", "RAG-App", "1.2.3", 42), target, profile, (MODEL,), ("0123456789abcdef",))


def code(text: str) -> list[str]:
    """Return the lines of all code blocks of a page."""
    return [
        line for block in re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE) for line in block.splitlines()
    ]


@each_page
@each_platform
def test_it_has_the_bundles_own_names(name, platform):
    text = guide.page(name, facts(platform))
    for part in (
        f"RAG-App-Enterprise-{PLATFORMS[platform]}.tar.gz",
        "RAG-App-Enterprise-Offline",
        "SHA256SUMS.0123456789abcdef.sig",
        "RAG-App 1.2.3",
        "42",
        "`RAG_KEY`",
        "`RAG_COLOUR`, `RAG_DEVICE`, `RAG_EMBEDDING`.",  # and not RAG_MODEL, which no setting of the user's changes
        "`RAG_EMBEDDING=m3`",
        "| `RAG_MODEL` | `{models}/m3` |",
        "| `m3` | `org/m3` | `0123abcd` | 2.0 GB | `07_Models/m3` |",
        "| `cli.py` | caller |",
    ):
        assert part in text


@each_page
@each_platform
def test_nothing_of_another_platform_or_of_no_bundle_is_left(name, platform):
    text = guide.page(name, facts(platform))
    assert "PREFIX" not in text
    assert "<!--" not in text
    assert not re.search(r"\]\([\w.-]+\.md\)", text)
    for part in ("certutil", "%LOCALAPPDATA%", "%ProgramData%", "install.bat", "setx"):
        assert (part in text) == (platform == "windows"), part
    for part in ("export RAGTRACE_SYSLOG", "/etc/ragtrace", "install.sh"):
        assert (part in text) == (platform != "windows"), part
    assert ("sha256sum -c" in text) == ("Debian" in text) == (platform == "linux")
    assert ("shasum" in text) == (platform == "macos")
    assert bool(re.search(r"^python3 ", text, re.MULTILINE)) == (platform != "windows")
    assert bool(re.search(r"^python ", text, re.MULTILINE)) == (platform == "windows")


@each_page
def test_installed_commands_are_named_by_their_paths(name):
    shown = {platform: guide.page(name, facts(platform)) for platform in PLATFORMS}
    assert f"\n~/.local/share/ragtrace/rag-app/bin/{OWN} validate\n" in shown["linux"]
    assert f'\n"$HOME/Library/Application Support/ragtrace/rag-app/bin/{OWN}" validate\n' in shown["macos"]
    assert f'\n"%LOCALAPPDATA%\\ragtrace\\rag-app\\bin\\{OWN}.cmd" validate\n' in shown["windows"]
    assert "`~/.local/share/ragtrace/rag-app/bin/rag`" in shown["linux"]
    assert "`%LOCALAPPDATA%\\ragtrace\\rag-app\\bin\\rag-page.cmd`" in shown["windows"]
    assert "`%LOCALAPPDATA%\\ragtrace\\rag-app\\data\\exports`" in shown["windows"]


@pytest.mark.skipif(sys.platform == "win32", reason="the shell's home")
def test_the_prefix_is_the_one_that_an_installation_has(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    platform = "macos" if sys.platform == "darwin" else "linux"
    prefix = Path(facts(platform).installed()).expanduser()
    assert prefix == default_root() / "rag-app"


def parser() -> Parser:
    """Return the installer's parser with the options of every command."""
    whole = Parser()
    table = whole.add_subparsers(dest="command", required=True)
    for command in cli.commands():
        sub = table.add_parser(command)
        cli.add_common(sub)
        cli.module_of(command).configure(sub)
    return whole


def calls(lines: list[str], tool: str) -> list[list[str]]:
    """Return the arguments of each line that calls the installer or the installed tool."""
    found = []
    for line in lines:
        words = shlex.split(line, posix="\\" not in line)
        words = words[1:] if words[0] == "sudo" else words
        if words[0].strip('"') == tool:
            found.append(words[1:])
        elif words[1:2] == ["ragtrace-install.pyz"]:
            found.append(words[2:])
    return found


@each_page
@each_platform
def test_every_command_that_it_prints_is_one(name, platform):
    own = facts(platform)
    tool = own.installed(f"/bin/{OWN}", code=True).strip('"')
    known, lines = parser(), code(guide.page(name, own))
    printed = calls(lines, tool)
    assert [] in printed  # the installer without a command
    printed = [arguments for arguments in printed if arguments]
    for arguments in printed:
        known.parse_args(arguments)
    assert {arguments[0] for arguments in printed} >= set(cli.commands()) - {
        "verify",
        "list-checks",
        "compare",
        "history",
        "fleet",  # for whoever looks after many hosts: docs/fleet-report.md
    }
    for line in lines:
        for script in re.findall(r"0[46]_\w+/[\w.-]+", line):
            assert PLACES[script.partition("/")[2]][0] == script.partition("/")[0]


def test_both_languages_print_the_same_commands():
    texts = [(guide.DOCS / source).read_text(encoding="utf-8") for source, _facts in guide.PAGES.values()]
    english, korean = map(code, texts)
    assert english == korean
    assert len(english) > 30
    for text in texts:
        assert f"PREFIX/bin/{OWN} " in text
    headings = [[line.partition(" ")[0] for line in text.splitlines() if line.startswith("#")] for text in texts]
    assert headings[0] == headings[1]


@each_page
def test_a_host_with_musl_has_the_commands_of_linux(name):
    own = facts("linux")
    musl = replace(own, target=parse_target("musllinux-x86_64", "3.11"))
    assert guide.page(name, musl).replace("musllinux-x86_64", "linux-x86_64") == guide.page(name, own)
