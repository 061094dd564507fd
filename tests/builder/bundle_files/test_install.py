"""The wrappers: they show how to check, and start nothing that was not vouched for."""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from builder.assemble.documents import FILES, IN_ROOT, PLACES
from shared.files import folders, temp_folders

ZIPAPP = (
    b"import sys\nprint('started', sys.flags.isolated, sys.flags.dont_write_bytecode, *sys.argv[1:])\nsys.exit(7)\n"
)
PYENV = Path("~/.pyenv/versions").expanduser()
DIGEST = hashlib.sha256(ZIPAPP).hexdigest()
# script → (its folder, what it makes of no options, {} the bundle's root)
WRAPPERS = {
    "install.py": ("04_Scripts", "install {}"),
    "enterprise-validator.py": ("06_Verification", "validate"),
    "recovery-assistant.py": ("06_Verification", "recover"),
}


@pytest.fixture(params=["Tiny-App", "한글 폴더/Tiny App"])
def root(request, tmp_path, monkeypatch):
    """Unpack the scripts of a bundle into a folder, as a user who has vouched for nothing yet."""
    root = tmp_path / request.param
    for name, (folder, _kind) in PLACES.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(FILES / name, root / folder / name)
        if name in IN_ROOT:
            shutil.copy(FILES / name, root / name)
    (root / "04_Scripts" / "ragtrace-install.pyz").write_bytes(ZIPAPP)
    home = tmp_path / "home"
    home.mkdir()
    for name in ("RAGTRACE_LANG", "LC_ALL", "LC_MESSAGES", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": home, "LOCALAPPDATA": home, "LANG": "C.UTF-8", "TMPDIR": tmp_path}.items():
        monkeypatch.setenv(name, str(value))
    return root


def run(*argv, **options):
    argv = [str(part) for part in argv]
    options = {"cwd": "/", **options}
    return subprocess.run(argv, capture_output=True, encoding="utf-8", check=False, timeout=60, **options)


def script(root, name):
    return root / WRAPPERS[name][0] / name


def started(root, name, *options):
    return f"started 1 1 {WRAPPERS[name][1].format(root)} {' '.join(options)}".strip() + "\n"


@pytest.mark.parametrize("name", WRAPPERS)
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--digest"],
        ["--digest", ""],
        ["--digest", DIGEST[:15]],
        ["--digest", "x" * 16],
        ["install"],
        ["--yes", "--digest", DIGEST[:15]],
    ],
)
def test_it_shows_how_to_check_and_starts_nothing(root, name, options):
    done = run(sys.executable, script(root, name), *options)
    assert done.returncode == 3
    assert "started" not in done.stdout
    for part in ("ssh-keygen -Y check-novalidate", "sha256sum -c", "certutil -hashfile", f'{name}" --digest'):
        assert part in done.stderr
    # what is to be compared with paper must not be there to copy from
    assert DIGEST[:4] not in done.stderr.replace(str(root), "")


@pytest.mark.parametrize("name", WRAPPERS)
@pytest.mark.parametrize("row", [DIGEST[:16], f" {DIGEST[:8]} {DIGEST[8:16]} ", DIGEST.upper()])
def test_it_starts_what_the_slip_vouches_for_and_passes_arguments_and_exit_code_on(root, name, row, tmp_path):
    before = sorted(path for path in root.rglob("*"))
    done = run(sys.executable, script(root, name), "--prefix", "/x y", "--digest", row, "한글")
    assert (done.returncode, done.stdout) == (7, started(root, name, "--prefix", "/x y", "한글")), done.stderr
    assert sorted(path for path in root.rglob("*")) == before
    assert not list(tmp_path.glob("ragtrace-*"))


def test_who_has_vouched_is_not_asked_again_for_the_same_bytes(root):
    assert run(sys.executable, script(root, "install.py"), "--digest", DIGEST[:16]).returncode == 7
    for name in WRAPPERS:
        done = run(sys.executable, script(root, name), "--quiet")
        assert (done.returncode, done.stdout) == (7, started(root, name, "--quiet"))
        assert run(sys.executable, script(root, name), "--digest", "0" * 16).returncode == 3
        assert run(sys.executable, script(root, name), "--digest", "").returncode == 3
    (root / "04_Scripts" / "ragtrace-install.pyz").write_bytes(ZIPAPP + b"#")
    for name in WRAPPERS:
        done = run(sys.executable, script(root, name), "--quiet")
        assert (done.returncode, done.stdout) == (3, "")


@pytest.mark.skipif(os.name == "nt", reason="modes and owners of POSIX")
def test_what_others_can_write_vouches_for_nothing(root, tmp_path):
    vouched = folders.user_state("ragtrace") / "vouched"
    assert run(sys.executable, script(root, "install.py"), "--digest", DIGEST[:16]).returncode == 7
    assert (vouched / DIGEST).is_file()
    assert vouched.stat().st_mode & 0o777 == 0o700
    vouched.chmod(0o770)
    assert run(sys.executable, script(root, "install.py")).returncode == 3
    vouched.chmod(0o700)
    assert run(sys.executable, script(root, "install.py")).returncode == 7
    if os.geteuid() == 0:
        os.chown(vouched, 12345, -1)
        assert run(sys.executable, script(root, "install.py")).returncode == 3
        os.chown(vouched, 0, -1)
    vouched.rename(tmp_path / "elsewhere")
    vouched.symlink_to(tmp_path / "elsewhere")
    assert run(sys.executable, script(root, "install.py")).returncode == 3


@pytest.mark.parametrize("name", WRAPPERS)
def test_another_installer_is_not_started(root, name):
    (root / "04_Scripts" / "ragtrace-install.pyz").write_bytes(ZIPAPP + b"#")
    done = run(sys.executable, script(root, name), "--digest", DIGEST[:16])
    assert done.returncode == 3
    assert "not the installer that was sent" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_missing_installer_is_told(root, name):
    (root / "04_Scripts" / "ragtrace-install.pyz").unlink()
    done = run(sys.executable, script(root, name), "--digest", DIGEST[:16])
    assert (done.returncode, "is missing" in done.stderr) == (2, True)


@pytest.mark.parametrize("name", ["enterprise-validator.py", "recovery-assistant.py"])
def test_a_script_that_is_brought_alone_says_so(root, name, tmp_path):
    alone = tmp_path / name
    shutil.copy(script(root, name), alone)
    done = run(sys.executable, alone)
    assert (done.returncode, "unpack the whole archive" in done.stderr) == (2, True)


@pytest.mark.parametrize("folder", [".", "06_Verification"])
def test_the_bundle_is_at_hand_for_a_repair_where_its_sums_are(root, folder):
    (root.parent / "SHA256SUMS").write_text("")
    typed = root / folder / "recovery-assistant.py"
    done = run(sys.executable, typed, "--digest", DIGEST, "--diagnosis", "d.json")
    assert done.stdout == f"started 1 1 recover --bundle {root} --diagnosis d.json\n"


def test_the_installer_knows_the_file_that_the_operator_knows(root):
    zipapp = root / "04_Scripts" / "ragtrace-install.pyz"
    zipapp.write_bytes(b"import os\nprint(os.environ['RAGTRACE_COPY_OF'])\n")
    digest = hashlib.sha256(zipapp.read_bytes()).hexdigest()
    assert run(sys.executable, script(root, "install.py"), "--digest", digest).stdout == f"{zipapp}\n"


def test_a_line_is_typed_in_the_root_folder_as_well(root):
    done = run(sys.executable, "enterprise-validator.py", "--digest", DIGEST, "--quiet", cwd=root)
    assert done.stdout == started(root, "enterprise-validator.py", "--quiet")


@pytest.mark.parametrize("folder", [".", "04_Scripts"])
def test_building_is_for_the_connected_machine(root, folder):
    done = run(sys.executable, "create-enterprise-offline.py", "--project-root", ".", cwd=root / folder)
    assert done.returncode == 2
    assert "on the connected machine" in done.stderr


def test_korean_where_the_host_speaks_it(root, monkeypatch):
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    assert "아직 아무것도 실행하지 않았습니다" in run(sys.executable, script(root, "install.py")).stderr
    reported = run(sys.executable, root / "04_Scripts" / "create-enterprise-offline.py").stderr
    assert reported.startswith("오류: ")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    assert "Nothing has run yet" in run(sys.executable, script(root, "install.py")).stderr


def test_every_text_has_its_korean(root):
    tree = ast.parse((FILES / "install.py").read_text(encoding="utf-8"))
    said = [
        node.args[0] for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "told"
    ]
    values = {}
    exec(compile(tree, "install.py", "exec"), {"__name__": "read", "__file__": str(FILES / "install.py")}, values)
    texts = {values["HOW"] if isinstance(text, ast.Name) else text.value for text in said}
    assert texts == set(values["KOREAN"])


@pytest.mark.parametrize("python", ["python2.7", "python3.6"])
def test_a_python_that_is_too_old_says_so(root, python):
    found = [shutil.which(python), *map(str, PYENV.glob(f"{python[6:]}*/bin/{python}"))]
    usable = [path for path in found if path and run(path, "-c", "").returncode == 0]
    if not usable:
        pytest.skip(f"{python} is not on this machine")
    for name in WRAPPERS:
        done = run(usable[0], script(root, name), "--digest", DIGEST[:16])
        assert (done.returncode, "is too old" in done.stderr) == (4, True), done.stderr


@pytest.mark.parametrize("name", [name for name in PLACES if name.endswith(".py")])
def test_the_syntax_is_that_of_an_old_python(name):
    tree = ast.parse((FILES / name).read_text(encoding="utf-8"), feature_version=(3, 4))
    late = (ast.JoinedStr, ast.AnnAssign, ast.AsyncFunctionDef, ast.Nonlocal, ast.Starred)
    assert [node for node in ast.walk(tree) if isinstance(node, late)] == []
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.cause] == []


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
def test_the_shell_script_does_the_same(root):
    assert run("sh", root / "04_Scripts" / "install.sh").returncode == 3
    done = run("sh", root / "04_Scripts" / "install.sh", "--digest", DIGEST[:16])
    assert done.stdout == started(root, "install.py")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("state", ["state", "etc/passwd"])
def test_the_copy_of_a_killed_run_goes_with_the_next_command_once_its_installer_has_ended(root, monkeypatch, state):
    system, home = root.parent / "system", root.parent / "state"
    system.mkdir()
    monkeypatch.setenv("TMPDIR", str(system))
    monkeypatch.setattr(temp_folders.tempfile, "tempdir", str(system))
    monkeypatch.setenv("XDG_STATE_HOME", str(home) if state == "state" else "/etc/passwd")
    zipapp = b"import sys\nprint('started', flush=True)\nsys.stdin.read()\nprint('ended', flush=True)\n"
    (root / "04_Scripts" / "ragtrace-install.pyz").write_bytes(zipapp)
    argv = [sys.executable, str(script(root, "install.py")), "--digest", hashlib.sha256(zipapp).hexdigest()]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as wrapper:
        assert wrapper.stdout.readline() == "started\n"
        wrapper.kill()
        wrapper.wait()
        temp_folders.tidy()
        assert [path.name for path in system.glob("*/*")] == ["ragtrace-install.pyz"]
        wrapper.stdin.close()
        assert wrapper.stdout.read() == "ended\n"
    register = home / folders.TOOL / temp_folders.REGISTER
    while list(system.iterdir()):  # the kernel frees the lock when the process has ended
        temp_folders.tidy()
    assert register.is_dir() == (state == "state")
    assert state != "state" or not list(register.iterdir())
