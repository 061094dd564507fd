"""The tool's command and the application's in PREFIX/bin, with installers that called the tool ``ragtrace`` too."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from bootstrap import cli
from bootstrap.commands import common
from bundle.names import INSTALLER
from bundle.product.application import Launcher
from installer.change import transaction
from installer.install import preflight
from installer.install.rollback import rollback
from installer.install.uninstall import uninstall
from installer.layout.location import own_command
from installer.layout.location.finding import default_root, find_prefix
from installer.layout.prefix import Prefix
from installer.release import acceptance, launchers
from installer.release.lacks import Lacks
from installer.release.receipt import compare, read_receipt
from shared.errors import HostError, InstallError, TrustError, UsageError
from tests.helpers import NOTES, QUIET, opened, snapshot
from tests.helpers import install as install_tiny
from tests.installer.change.test_transaction import die_at
from tests.tiny import COUNTER, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tiny import Tiny

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs the scripts of a POSIX shell")
APPLICATION = (Launcher("ragtrace", "script", "app.py"), Launcher("tiny", "script", "app.py"))
# what the installer before wrote for its own command, byte for byte
FORMER_SCRIPT = """\
#!/bin/sh
# Starts ragtrace from the current release. Made by ragtrace-install; every release uses it as it is.
here=$0
while [ -L "$here" ]; do
    link=$(readlink "$here")
    case $link in /*) here=$link ;; *) here=$(dirname "$here")/$link ;; esac
done
prefix=$(CDPATH= cd -P -- "$(dirname -- "$here")/.." && pwd) || exit 5
release=$(CDPATH= cd -P -- "$prefix/current" 2>/dev/null && pwd) || {
    echo "ragtrace: no release is active in $prefix" >&2
    exit 5
}
RAGTRACE_PREFIX=$prefix exec "$(cat "$release/interpreter")" -I -B "$release/bundle/ragtrace-install.pyz" "$@"
"""
AS_FORMER, AS_NEW = ["ragtrace", "tiny"], ["ragtrace", "ragtrace-offline", "tiny"]


def installer(name: str, *modules: str) -> bytes:
    """Return a zipapp that tells its name and prefix, with modules where a real one has them."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(
            "__main__.py", f"import os, sys\nprint({name!r}, os.environ['RAGTRACE_PREFIX'], *sys.argv[1:])"
        )
        for module in modules:
            archive.writestr(f"site-packages/bootstrap/{module}", "")
    return data.getvalue()


PREVIOUS = installer("former", "launchers.py")
NEWER = installer("newer", "launchers.py", "own_command.py")


@pytest.fixture(scope="module")
def former_bundle(tmp_path_factory) -> Tiny:
    return tiny_bundle(tmp_path_factory.mktemp("former"), installer=PREVIOUS, launchers=APPLICATION, smoke=())


@pytest.fixture(scope="module")
def newer_bundle(former_bundle, tmp_path_factory) -> Tiny:
    key = former_bundle.key.with_suffix("")
    folder = tmp_path_factory.mktemp("newer")
    return tiny_bundle(
        folder, counter=COUNTER + 1, version="2.0.0", installer=NEWER, launchers=APPLICATION, smoke=(), key=key
    )


@pytest.fixture(scope="module")
def former_root(former_bundle, tmp_path_factory) -> Path:
    """Give a prefix as the installer before left it, its scripts written by hand."""
    prefix = Prefix(tmp_path_factory.mktemp("before") / "prefix")
    install_tiny(former_bundle, prefix)
    release = prefix.active()
    assert not (release.path / launchers.COMMAND_FILE).exists()
    for path in prefix.bin.iterdir():
        if path.name != "tiny":
            path.unlink()
    (prefix.bin / "ragtrace").write_text(FORMER_SCRIPT)
    (prefix.bin / "ragtrace").chmod(0o755)
    return prefix.root


@pytest.fixture
def prefix(former_root, tmp_path) -> Prefix:
    shutil.copytree(former_root, tmp_path / "prefix", symlinks=True)
    return Prefix(tmp_path / "prefix")


def commands(prefix: Prefix) -> list[str]:
    return sorted(path.name for path in prefix.bin.iterdir())


def said(prefix: Prefix, name: str, *arguments: str) -> str:
    env = {"PATH": os.environ["PATH"], "TINY_API_KEY": "any"}
    done = subprocess.run([prefix.bin / name, *arguments], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def right(prefix: Prefix, tool: str) -> None:
    """Raise unless the application has its name, and the tool its own."""
    assert commands(prefix) == AS_NEW
    assert said(prefix, "ragtrace", "--help").startswith("usage: tiny")
    assert said(prefix, "ragtrace-offline", "status", "a b") == f"{tool} {prefix.root} status a b"
    assert launchers.damaged(prefix, prefix.active().manifest()) == []


def test_a_prefix_of_the_installer_before_is_whole_for_this_one(prefix):
    assert launchers.damaged(prefix, prefix.active().manifest()) == []
    assert said(prefix, "ragtrace", "status") == f"former {prefix.root} status"
    before = snapshot(prefix.root)
    transaction.tidy_launchers(prefix)
    assert snapshot(prefix.root) == before


def test_a_first_installation(newer_bundle, tmp_path):
    prefix = Prefix(tmp_path / "fresh")
    outcome = install_tiny(newer_bundle, prefix)
    right(prefix, "newer")
    assert (outcome.tool, outcome.former_tool) == (prefix.bin / "ragtrace-offline", None)
    active = prefix.active()
    assert (active.path / launchers.COMMAND_FILE).read_text() == "ragtrace-offline\n"
    assert compare(active, read_receipt(active)) == []


def test_an_upgrade_gives_the_name_to_the_application_and_says_so(prefix, newer_bundle, capsys):
    findings = [item for item in preflight.of_bundle(opened(newer_bundle), prefix) if item.name == "Commands"]
    assert [(item.fits, item.warns) for item in findings] == [(True, True)]
    assert findings[0].details.endswith(f"the tool's command is {prefix.bin / 'ragtrace-offline'}")
    assert f"{prefix.bin / 'ragtrace'} starts Tiny-App" in findings[0].advice
    outcome = install_tiny(newer_bundle, prefix)
    right(prefix, "newer")
    reported = common.outcome_json(outcome, Lacks(prefix, (), ()))
    assert (reported["tool"], reported["former_tool"]) == (f"{prefix.bin}/ragtrace-offline", f"{prefix.bin}/ragtrace")
    common.show_outcome(outcome)
    shown = capsys.readouterr().out
    assert f"{prefix.bin}/ragtrace-offline\n" in shown
    assert f"Previously {prefix.bin}/ragtrace:" in shown
    assert not [item for item in preflight.of_bundle(opened(newer_bundle), prefix) if item.name == "Commands"]
    assert install_tiny(newer_bundle, prefix).former_tool is None


def test_where_the_application_has_no_such_command_the_former_one_goes(prefix, former_bundle, tmp_path):
    key = former_bundle.key.with_suffix("")
    other = tiny_bundle(
        tmp_path / "other", counter=COUNTER + 1, installer=NEWER, launchers=APPLICATION[1:], key=key, smoke=()
    )
    findings = [item for item in preflight.of_bundle(opened(other), prefix) if item.name == "Commands"]
    assert findings[0].advice.startswith(f"{prefix.bin / 'ragtrace'} will be removed")
    install_tiny(other, prefix)
    assert commands(prefix) == AS_NEW[1:]


def test_an_upgrade_that_fails_leaves_what_was_there(prefix, newer_bundle, monkeypatch):
    before = snapshot(prefix.root, *NOTES)

    def refuse(prefix, _manifest, _progress):
        assert commands(prefix) == AS_NEW
        raise InstallError("it does not work")

    monkeypatch.setattr(acceptance, "check_health", refuse)
    with pytest.raises(InstallError):
        install_tiny(newer_bundle, prefix)
    assert snapshot(prefix.root, *NOTES) == before
    assert said(prefix, "ragtrace", "status") == f"former {prefix.root} status"


def test_rollback_keeps_the_newer_tool_and_the_application_its_name(prefix, newer_bundle):
    old = prefix.active()
    install_tiny(newer_bundle, prefix)
    outcome = rollback(prefix, QUIET)
    assert (prefix.active(), outcome.former_tool) == (old, None)
    right(prefix, "newer")
    rollback(prefix, QUIET)
    assert prefix.active() != old
    right(prefix, "newer")


def test_a_release_that_is_not_whole_lends_no_tool(prefix, newer_bundle):
    install_tiny(newer_bundle, prefix)
    newer = prefix.active()
    rollback(prefix, QUIET)
    newer.complete_file.unlink()
    assert said(prefix, "ragtrace-offline").startswith("former ")


def test_when_only_releases_of_the_installer_before_are_kept(prefix, newer_bundle, former_bundle, tmp_path):
    install_tiny(newer_bundle, prefix)
    key = former_bundle.key.with_suffix("")
    for number in (2, 3):
        folder = tmp_path / str(number)
        last = tiny_bundle(
            folder, counter=COUNTER + number, installer=PREVIOUS, launchers=APPLICATION, smoke=(), key=key
        )
        outcome = install_tiny(last, prefix)
    assert commands(prefix) == AS_FORMER
    assert (outcome.tool.name, outcome.former_tool.name) == ("ragtrace", "ragtrace-offline")
    assert said(prefix, "ragtrace", "status") == f"former {prefix.root} status"


@pytest.mark.parametrize(
    ("name", "when", "counts"),
    [
        ("installer.install.install.finish", "after", False),
        ("installer.release.launchers.write", "after", False),
        ("installer.layout.prefix.Prefix.set_current", "before", False),
        ("installer.layout.prefix.Prefix.set_current", "after", True),
        ("installer.release.launchers.prune", "after", True),
        ("installer.change.retention.collect", "after", True),
    ],
)
def test_an_upgrade_that_is_killed(prefix, newer_bundle, name, when, counts):
    before = snapshot(prefix.root, *NOTES)
    die_at(name, when, newer_bundle, prefix)
    assert said(prefix, "ragtrace", "--help").startswith(("usage: tiny", "former "))
    transaction.resolve_interrupted(prefix)
    if counts:
        right(prefix, "newer")
    else:
        assert snapshot(prefix.root, *NOTES) == before


def test_what_the_installer_before_wrote_over_a_newer_release_is_found_and_mended(prefix, newer_bundle):
    install_tiny(newer_bundle, prefix)
    (prefix.bin / "ragtrace").write_text(FORMER_SCRIPT)
    (prefix.bin / "ragtrace-offline").unlink()
    manifest = prefix.active().manifest()
    assert launchers.damaged(prefix, manifest) == ["bin/ragtrace-offline", "bin/ragtrace"]
    transaction.tidy_launchers(prefix)
    right(prefix, "newer")


def test_somebody_s_own_file_is_not_written_over(prefix, newer_bundle):
    (prefix.bin / "ragtrace-offline").write_text("#!/bin/sh\necho mine\n")
    findings = [item for item in preflight.of_bundle(opened(newer_bundle), prefix) if item.name == "Commands"]
    assert [item.fits for item in findings] == [False, True]
    assert str(prefix.bin / "ragtrace-offline") in findings[0].details
    assert preflight.of_bundle(opened(newer_bundle), Prefix(prefix.root.parent / "new"))[-1].fits


def test_a_foreign_bundle_cannot_take_such_a_name(former_bundle, tmp_path):
    for name in ("ragtrace-offline", "time", "python3"):
        bundle = tiny_bundle(tmp_path / name, launchers=(*APPLICATION, Launcher(name, "script", "app.py")), smoke=())
        with pytest.raises(TrustError, match=r"MANIFEST\.json\.application\.launchers\[2\]\.name: " + name):
            opened(bundle)


def test_a_release_of_the_day_before_the_rule_can_be_upgraded(former_bundle, newer_bundle, tmp_path, monkeypatch):
    """It was installed with a name that is refused now."""
    from bundle import opening

    key = former_bundle.key.with_suffix("")
    with monkeypatch.context() as patch:
        patch.setattr(opening, "require_names", lambda _application, _path: None)
        early = tiny_bundle(
            tmp_path / "early",
            installer=PREVIOUS,
            launchers=(*APPLICATION, Launcher("time", "script", "app.py")),
            smoke=(),
            key=key,
        )
        prefix = Prefix(tmp_path / "prefix")
        install_tiny(early, prefix)
    install_tiny(newer_bundle, prefix)
    right(prefix, "newer")
    rollback(prefix, QUIET)
    assert commands(prefix) == sorted([*AS_NEW, "time"])


def test_the_tool_is_called_as_it_is_installed(prefix, newer_bundle, monkeypatch, capsys):
    install_tiny(newer_bundle, prefix)
    stored = prefix.active().bundle / INSTALLER
    monkeypatch.setenv("RAGTRACE_ZIPAPP", str(stored))
    command = f"{prefix.bin}/ragtrace-offline"
    assert own_command.line("recover", "my report.json", prefix=prefix.root) == f"{command} recover 'my report.json'"
    elsewhere = own_command.line("recover", prefix=prefix.root.parent)
    assert elsewhere == f"python3 {stored} recover --prefix {prefix.root.parent}"
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert capsys.readouterr().out.startswith("usage: ragtrace-offline ")
    (prefix.bin / "ragtrace-offline").unlink()
    assert own_command.line("recover", prefix=prefix.root) == f"python3 {stored} recover --prefix {prefix.root}"
    monkeypatch.setenv("RAGTRACE_ZIPAPP", "/media/disk/ragtrace-install.pyz")
    assert own_command.line("status") == "python3 /media/disk/ragtrace-install.pyz status"


def test_a_copy_that_a_script_made_is_named_by_its_original_while_that_has_the_same_bytes(tmp_path, monkeypatch):
    medium, copy = tmp_path / "medium" / INSTALLER, tmp_path / "copy" / INSTALLER
    for path in (medium, copy):
        path.parent.mkdir()
        path.write_bytes(b"the same")
    monkeypatch.setenv("RAGTRACE_ZIPAPP", str(copy))
    assert own_command.line("recover").split()[1:] == [str(copy), "recover"]
    monkeypatch.setenv("RAGTRACE_COPY_OF", str(medium))
    assert own_command.line("recover").split()[1:] == [str(medium), "recover"]
    medium.write_bytes(b"another!")
    assert str(copy) in own_command.line("recover")
    medium.unlink()
    assert str(copy) in own_command.line("recover")
    copy.with_name("other.pyz").write_bytes(b"the same")
    monkeypatch.setenv("RAGTRACE_COPY_OF", str(copy.with_name("other.pyz")))
    assert str(copy) in own_command.line("recover")


@pytest.mark.parametrize("place", ["", "04_Scripts"])
def test_the_bundle_at_hand_says_which_of_several_installations_is_meant(tiny, tmp_path, monkeypatch, place) -> None:
    monkeypatch.setenv("XDG_DATA_HOME" if sys.platform != "win32" else "LOCALAPPDATA", str(tmp_path / "data"))
    product = opened(tiny).manifest.product.name
    install_tiny(tiny, Prefix(default_root() / product))
    install_tiny(tiny, Prefix(default_root() / "another"))
    with pytest.raises(UsageError, match="Several applications"):
        find_prefix(None)
    monkeypatch.setenv("RAGTRACE_ZIPAPP", str(tiny.folder / place / INSTALLER))
    assert find_prefix(None).root.name == product
    uninstall(find_prefix(None), QUIET)
    with pytest.raises(HostError, match="nothing is installed there any more"):
        find_prefix(None)
    assert (
        find_prefix(None, allow_uninstalled=True).root.name == product
    )  # --purge ends what it began, not another application
