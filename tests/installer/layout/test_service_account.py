"""A service account: root installs, another user runs the application; settings and data are his and stay so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bootstrap import api, cli
from installer.change import transaction
from installer.install import probes, rollback
from installer.layout import service_account
from installer.layout.location import placement
from installer.layout.prefix import Prefix
from installer.release import acceptance
from shared.errors import HostError, InstallError
from shared.processes.process import Account, run
from tests import everyone
from tests.helpers import QUIET, install
from tests.hosts import needs
from tests.installer.change.test_migration import migrating
from tests.tiny import SENTENCE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="accounts of POSIX")
SERVICE = 12345
ACCOUNT = Account(SERVICE, SERVICE, (), "/")
KEY = {"PATH": os.defpath, "TINY_API_KEY": "x"}


@pytest.fixture
def place():
    """Give a folder that every user may enter, which pytest's own are not."""
    with needs.or_skip():
        needs.root_on_linux()
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def prefix(place, tiny, monkeypatch) -> Prefix:
    """Give an installation of root's, made from a Python that every user may run."""
    everyone.use_python(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(everyone.temporary(place)))
    prefix = Prefix(place / "app")
    install(tiny, prefix)
    return prefix


@pytest.fixture
def handed(prefix) -> Prefix:
    """Give it after data and settings were handed over, as the guide says."""
    subprocess.run(["chown", "-R", f"{SERVICE}:{SERVICE}", prefix.data, prefix.env_file], check=True)
    return prefix


def tiny_command(prefix: Prefix, *words: str):
    return run([str(prefix.bin / "tiny"), *words], env=KEY, timeout=60, account=ACCOUNT)


def owners_below(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}


def test_the_launcher_says_what_the_account_must_own(prefix) -> None:
    refused = tiny_command(prefix, "embed", SENTENCE)
    assert refused.returncode == 4
    env_file, data = prefix.env_file, prefix.data
    assert f"tiny: {env_file} belongs to root, and {SERVICE} cannot read it (chown {SERVICE} {env_file}); the" in (
        refused.stderr
    )
    assert len(refused.stderr.splitlines()) == 1
    os.chown(env_file, SERVICE, SERVICE)
    reported = tiny_command(prefix, "embed", SENTENCE)
    assert reported.ok  # it only reads
    assert f"tiny: {data} belongs to root, and {SERVICE} cannot write in it (chown -R {SERVICE} {data}); the" in (
        reported.stderr
    )
    os.chown(data, SERVICE, SERVICE)
    assert f"tiny: {data}/data belongs to root, and {SERVICE} cannot write in it" in (
        tiny_command(prefix, "embed", SENTENCE).stderr
    )
    os.chown(data / "data", SERVICE, SERVICE)
    assert tiny_command(prefix, "embed", SENTENCE).stderr == ""


def test_the_account_runs_it_and_writes_its_data(handed) -> None:
    done = tiny_command(handed, "note", "하나")
    assert (done.returncode, done.stderr) == (0, "")
    assert owners_below(handed.data) == {SERVICE}


def test_what_root_does_later_leaves_the_data_the_accounts(handed, tiny, tmp_path) -> None:
    assert tiny_command(handed, "note", "하나").ok
    root_only = {path: path.stat() for path in handed.own_folders if path.is_dir()}
    install(migrating(tmp_path / "second", tiny), handed)  # migrates, ships a file, has another folder
    assert (handed.data / "data/shipped.csv").is_file()
    assert (handed.data / "data/notes.json").is_file()
    assert (handed.data / "out/reports").is_dir()
    assert owners_below(handed.data) == {SERVICE}
    assert tiny_command(handed, "note", "둘").ok
    api.create_backup(handed.root)
    (handed.data / "data/notes.txt").unlink()
    api.restore("latest", handed.root)
    assert (handed.data / "data/notes.txt").is_file()
    assert owners_below(handed.data) == {SERVICE}
    assert handed.env_file.stat().st_uid == SERVICE
    assert tiny_command(handed, "note", "셋").ok
    rollback.rollback(handed, QUIET)
    assert owners_below(handed.data) == {SERVICE}
    assert tiny_command(handed, "note", "넷").ok
    for path, status in root_only.items():
        assert (path.stat().st_uid, path.stat().st_mode) == (0, status.st_mode), path


def test_the_look_from_outside_is_the_accounts(handed, tiny, tmp_path) -> None:
    """An application that writes when it starts must not leave files of root among the data."""
    second = migrating(tmp_path / "second", tiny)
    assert tiny_command(handed, "note", "하나").ok
    install(second, handed)
    started = handed.active().app / "app.py"
    for path in (started.parent, started):
        path.chmod(0o755)
    code = "\n(Path(__file__).parent / 'data' / 'started').write_text(str(os.getuid()))\n"
    started.write_text(started.read_text().replace("\ncommand, *rest", f"{code}command, *rest"))
    acceptance.check_health(handed, second.manifest, QUIET)
    assert (handed.data / "data/started").read_text() == str(SERVICE)
    assert owners_below(handed.data) == {SERVICE}


def test_what_was_made_for_the_account_to_try_it_is_gone_afterwards(handed) -> None:
    """It holds what the application may read: settings, a copy of the data."""
    assert handed.active() is not None
    acceptance.check_health(handed, handed.active().manifest(), QUIET)
    api.validate(handed.root)
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_a_link_that_the_account_laid_leads_root_nowhere(handed, tiny, tmp_path, place) -> None:
    victim = place / "victim"
    victim.mkdir(mode=0o755)
    shutil.rmtree(handed.data / "data")
    (handed.data / "data").symlink_to(victim)
    (handed.data / "out").symlink_to(victim)
    before = handed.active()
    with pytest.raises(HostError, match="a link that leads out of the data"):
        install(migrating(tmp_path / "second", tiny, layout=1), handed)
    assert list(victim.iterdir()) == []
    assert handed.active() == before


def test_an_installation_that_the_account_cannot_run_does_not_become_active(handed, tiny, tmp_path) -> None:
    before = handed.active()
    handed.root.chmod(0o700)
    with pytest.raises(HostError, match=f"data cannot be written by {SERVICE}: Permission denied"):
        install(migrating(tmp_path / "second", tiny), handed)
    assert handed.active() == before


def test_a_release_that_the_account_cannot_start_does_not_become_active(handed, tiny, tmp_path) -> None:
    before = handed.active()
    handed.store.parent.chmod(0o755)
    handed.releases.chmod(0o700)
    with pytest.raises(InstallError):
        install(migrating(tmp_path / "second", tiny), handed)
    assert handed.active() == before


def test_what_is_left_among_the_data_is_removed_with_the_accounts_rights(handed) -> None:
    """It can give any name to any folder there, and put another in its place meanwhile."""
    left = [handed.data / f".ragtrace-try-{digit * 32}" for digit in "ab"]
    for folder in left:
        (folder / "below").mkdir(parents=True)
        (folder / "below" / "file").touch()
    for path in (left[0], *left[0].rglob("*")):
        os.chown(path, SERVICE, SERVICE)
    transaction.resolve_if_unlocked(handed)
    assert [os.path.lexists(folder) for folder in left] == [False, True]
    api.create_backup(handed.root)


def test_writing_among_the_data_is_tried_with_the_accounts_rights(handed) -> None:
    assert probes.trouble_writing(handed.data) == ""
    handed.data.chmod(0o500)
    assert probes.trouble_writing(handed.data) == "Permission denied"


def test_root_is_told_when_the_settings_are_not_the_accounts(handed, capsys) -> None:
    assert service_account.settings_of_another(handed) == ("", "")
    os.chown(handed.env_file, 0, 0)
    assert service_account.settings_of_another(handed) == ("root", str(SERVICE))
    report = api.validate(handed.root)
    (found,) = [result for result in report.results if result.id == "security.permissions"]
    assert found.status == "WARN"
    assert f"chown {SERVICE} {handed.env_file}" in found.suggestion


def test_the_tool_itself_is_its_owners(handed) -> None:
    def work() -> int:
        os.setgroups([])
        os.setgid(SERVICE)
        os.setuid(SERVICE)
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - the process ends here
        return cli.main(["status", "--prefix", str(handed.root)])

    child = os.fork()
    if child == 0:
        try:
            os._exit(work())
        except BaseException:  # noqa: BLE001 - the exit code tells
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4


def test_within_the_block_root_has_no_other_rights_and_has_them_back_afterwards(handed) -> None:
    before = os.geteuid(), os.getegid(), os.getgroups()
    with service_account.acting_as_owner_of(handed.data):
        assert (os.geteuid(), os.getegid(), os.getgroups()) == (SERVICE, SERVICE, [])
        with pytest.raises(PermissionError):
            (handed.root / "x").touch()
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before
    with service_account.acting_as_owner_of(handed.releases):
        assert os.geteuid() == 0


def test_an_account_that_the_host_knows_has_its_groups_and_its_home(place) -> None:
    import pwd

    known = next((entry for entry in pwd.getpwall() if entry.pw_uid not in (0, 65534)), None)
    if known is None:
        pytest.skip("this host knows nobody but root")
    os.chown(place, known.pw_uid, known.pw_gid)
    account = service_account.account_of(place)
    assert (account.user, account.home) == (known.pw_uid, known.pw_dir)
    assert known.pw_gid in account.groups
    assert placement.name_of(known.pw_uid) == known.pw_name
    assert service_account.account_of(place / "missing") is None
