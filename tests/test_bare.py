"""Every command and every option with nothing set: no HOME, PATH, LANG, TMPDIR, HF_*, and no network.

A service, a container or ``env -i`` starts programs so. Each call comes to its result or to its own clear error;
none is a bug (70), none shows a traceback.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from bootstrap import cli
from builder.cli import make_parser
from builder.signing.sign import generate_key, load_signer
from bundle.signing.policy import NAMESPACES
from shared.terminal.parser import Parser
from tests.advisories import below, dated, record, write_export
from tests.bare_calls import BUILD, BUILDER, INSTALLER
from tests.builder.evidence_project import make_project
from tests.builder.sources import commit
from tests.policies import lay, make_policy
from tests.tiny import tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the list of users of POSIX")


class Bench(NamedTuple):
    """A folder with what the calls name, and the home of the user who calls."""

    folder: Path
    home: Path

    def call(self, module: str, *arguments: str, home: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program with an empty environment; it must be no bug and show no traceback."""
        argv = [sys.executable, "-m", "tests.bare", home or str(self.home), str(self.folder), module, *arguments]
        done = subprocess.run(
            argv,
            cwd=ROOT,
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        wrote = done.stdout + done.stderr
        assert done.returncode in range(9), (arguments, done.returncode, wrote)
        assert "Traceback" not in wrote, wrote
        return done


def ended(done: subprocess.CompletedProcess[str], code: int | None, word: str) -> None:
    """Hold a call against how it must end; None stands for what the host decides."""
    wrote = done.stdout + done.stderr
    assert code in (None, done.returncode), f"{done.args[6:]}: {done.returncode}: {wrote}"
    assert word in wrote


def make_bench(folder: Path) -> Bench:
    """Write what the calls name."""
    work, home = folder / "work", folder / "home"
    work.mkdir()
    home.mkdir()
    generate_key(work / "key", None)
    now = datetime.now(timezone.utc) - timedelta(hours=1)
    write_export(work / "all.zip", dated(now, (record("TEST-1", "given", *below("2.0")),)))
    return Bench(work, home)


@pytest.fixture(scope="module")
def building(tmp_path_factory) -> Bench:
    """A project, and a bundle of it, made with nothing set."""
    bench = make_bench(tmp_path_factory.mktemp("building"))
    commit(make_project(bench.folder / "project"))
    (bench.folder / "scratch").mkdir()
    (bench.folder / "hub.toml").write_text('name = "Audited"\n[[models]]\nname = "m"\nsource = "hf:org/model@main"\n')
    ended(bench.call("builder", "advisories", "import", "all.zip", "--output", "a.zip"), 0, "Written")
    first = ["policy", "new", "policies", "--add", "release=key.pub", "--add", "policy=key.pub"]
    ended(bench.call("builder", *first), 0, "Policy")
    ended(bench.call("builder", *BUILD.split(), "--counter", "5"), 0, "Bundle")
    (sums,) = bench.folder.glob("packages/*/SHA256SUMS")  # the default of --output-dir
    (bench.folder / "out").symlink_to(sums.parent)
    return bench


@pytest.mark.parametrize(("line", "code", "word"), BUILDER, ids=[line for line, _code, _word in BUILDER])
def test_a_command_of_the_builder(building, line, code, word) -> None:
    ended(building.call("builder", *line.split()), code, word)


@pytest.fixture(scope="module")
def installing(tmp_path_factory) -> tuple[Bench, dict[str, str]]:
    bench = make_bench(tmp_path_factory.mktemp("installing"))
    tiny = tiny_bundle(bench.folder / "medium")
    signer = load_signer(tiny.key.with_suffix(""), lambda: None)
    policy = lay(bench.folder / "new", make_policy(1, [signer.key], [signer.key]))
    signature = signer.sign(policy.read_bytes(), NAMESPACES["policy"])
    policy.with_name(f"{policy.name}.{signer.key.keyid}.sig").write_bytes(signature)
    prefix = str(bench.home / ".local/share/ragtrace/tiny-app")
    return bench, {"bundle": str(tiny.folder), "key": str(tiny.key), "policy": str(policy), "prefix": prefix}


def test_the_life_of_an_installation(installing) -> None:
    bench, names = installing
    for line, code, word in INSTALLER:
        ended(bench.call("bootstrap.cli", *line.format(**names).split()), code, word)


@pytest.mark.parametrize("module", ["builder", "bootstrap.cli"])
def test_help_and_a_wrong_call(installing, module) -> None:
    bench, _names = installing
    assert bench.call(module, "--help").returncode == 0
    assert bench.call(module, "--version").returncode == 0
    assert bench.call(module).returncode == 2


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("builder", "cache info"),
        ("builder", "build --project-root project --dry-run"),
        ("bootstrap.cli", "status"),
        ("bootstrap.cli", "verify {bundle}"),
        ("bootstrap.cli", "install {bundle} --trust-key {key}"),
    ],
)
def test_a_user_without_a_home_is_told_so(installing, building, module, line) -> None:
    bench = building if module == "builder" else installing[0]
    done = bench.call(module, *line.format(**installing[1]).split(), home="-")
    ended(done, 4, "no home folder")
    assert not (bench.folder / "~").exists()


def test_a_user_without_a_home_builds_with_a_cache_of_his_own(building) -> None:
    before = set((building.folder / "project").iterdir())
    done = building.call("builder", *f"{BUILD} --cache-dir c --output-dir homeless".split(), home="-")
    ended(done, 0, "Bundle")
    assert set((building.folder / "project").iterdir()) == before


def leaves(parser: argparse.ArgumentParser, name: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Yield each command by its words, with its options."""
    tables = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not tables:
        options = [action for action in parser._actions if action.option_strings and action.help != argparse.SUPPRESS]
        yield name, {option.option_strings[-1] for option in options} - {"--help"}
    for table in tables:
        for word, sub in table.choices.items():
            yield from leaves(sub, (*name, word))


def untried(commands: Iterator[tuple[tuple[str, ...], set[str]]], calls: list[list[str]]) -> list[str]:
    """Return the commands and options that no call has."""
    found = []
    for name, options in commands:
        mine = [call for call in calls if tuple(call[: len(name)]) == name]
        tried = {word for call in mine for word in call}
        found += [" ".join(name)] if not mine else []
        found += [f"{' '.join(name)} {option}" for option in sorted(options - tried)]
    return found


def test_no_command_or_option_is_left_out() -> None:
    calls = [line.split() for line, _code, _word in BUILDER]
    assert untried(leaves(make_parser()), calls) == []
    calls = [line.split() for line, _code, _word in INSTALLER]
    for command in cli.commands():
        parser = Parser()
        cli.module_of(command).configure(parser)
        assert untried(leaves(parser, (command,)), calls) == []
    common = Parser()
    cli.add_common(common)
    assert untried(leaves(common), calls) == []
