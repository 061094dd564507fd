"""Inputs that cannot be built: one sentence each, with what to do, before anything is fetched."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest

from builder import cli
from builder.lock.lockfile import Parts
from builder.lockfiles.chosen import Named, lockfile_of
from shared.errors import BuildError, RagtraceError, UsageError
from tests.builder.lockfiles.test_inputs import SCRIPT, pylock, requirements
from tests.builder.lockfiles.test_inputs import folder as folder  # noqa: PLC0414 - a fixture

DIGEST = "0" * 64
NO_PARTS, EXTRA = Parts(python="3.11"), Parts(extras=("web",), python="3.11")


def refused(root, parts=NO_PARTS, **named) -> RagtraceError:
    with pytest.raises(RagtraceError) as caught:
        lockfile_of(root, Named(**named)).read(parts)
    assert caught.value.advice
    return caught.value


@pytest.mark.parametrize(("name", "command"), [
    ("poetry.lock", "`poetry export -f pylock.toml -o pylock.toml`"),
    ("Pipfile.lock", "`pipenv requirements --hash > requirements.txt`"),
    ("pdm.lock", "`pdm export -f pylock -o pylock.toml`"),
    ("requirements-prod.txt", "--lock requirements-prod.txt"),
])  # fmt: skip
def test_a_lockfile_of_another_tool_is_named_with_the_way_to_use_it(folder, name, command):
    (folder / name).write_text("")
    error = refused(folder)
    assert isinstance(error, BuildError)
    assert name in error.what
    assert command in error.advice
    if name.endswith(".lock"):
        assert command in refused(folder, lock=folder / name).advice


def test_a_project_with_setup_py_alone_is_told_how_to_lock_it(folder):
    (folder / "pyproject.toml").unlink(missing_ok=True)
    (folder / "setup.py").write_text("")
    error = refused(folder)
    assert error.what == f"{folder} has setup.py, but neither pyproject.toml nor a lockfile."
    assert "`uv pip compile --universal --generate-hashes" in error.advice


def test_a_script_that_is_not_there_is_named(folder):
    error = refused(folder, script=folder / "gone.py")
    assert error.what == f"{folder / 'gone.py'} is not a file."
    assert "--script" in error.advice


def test_requirements_that_lock_nothing_are_named(folder):
    path = folder / "requirements.txt"
    pin = f"--hash=sha256:{DIGEST}"
    path.write_text(
        f"# all of it\nloose>=1 {pin}\nmany==1.* {pin}\nbare==1.0\nold==1 --hash=md5:{DIGEST}\ngood==1 {pin}\n"
    )
    error = refused(folder, lock=path)
    assert "does not lock 4 requirements" in error.what
    assert all(name in error.what for name in ("loose>=1", "many==1.*", "bare==1.0", "old==1"))
    assert "good" not in error.what
    assert "`uv pip compile --universal --generate-hashes requirements.txt -o locked.txt`" in error.advice


@pytest.mark.parametrize(("line", "reason"), [
    ("-r other.txt", "-r cannot be used"),
    ("-e .", "line 2: . is a folder, which no digest can pin"),
    ("./packages/one", "line 2: ./packages/one is a folder, which no digest can pin"),
    ("--pre", "--pre cannot be used"),
    ("/no/requirement", "line 2: "),
    ("", "has no requirements"),
])  # fmt: skip
def test_lines_that_are_no_requirement_are_refused(folder, line, reason):
    path = folder / "requirements.txt"
    path.write_text(f"# first\n{line}\n")
    assert reason in refused(folder, lock=path).what


def test_a_requirement_from_an_address_or_folder_would_run_its_build(folder):
    path = folder / "requirements.txt"
    path.write_text(f"given @ https://index.test/given-1.0.tar.gz --hash=sha256:{DIGEST}\n")
    assert "does not lock 1 requirement" in refused(folder, lock=path).what


def test_no_source_is_built_to_read_requirements(folder):
    data, ran = io.BytesIO(), folder / "ran"
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        setup = f"open({str(ran)!r}, 'w')\n".encode()
        for name, text in (("setup.py", setup), ("PKG-INFO", b"Metadata-Version: 1.0\nName: src\nVersion: 1.0\n")):
            info = tarfile.TarInfo(f"src-1.0/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    (folder / "wheels/src-1.0.tar.gz").write_bytes(data.getvalue())
    path = folder / "requirements.txt"
    digest = hashlib.sha256(data.getvalue()).hexdigest()
    path.write_text(f"--no-index\n--find-links wheels\nsrc==1.0 --hash=sha256:{digest}\n")
    (package,) = lockfile_of(folder, Named(lock=path)).read(NO_PARTS).packages
    assert package.sdist
    assert package.sdist.hashes == {"sha256": digest}
    assert not ran.exists()


def test_what_the_index_lacks_or_has_replaced_is_named(folder):
    path = requirements(folder, "given")
    path.write_text(path.read_text().replace("given==1.0", "given==2.0"))
    assert "were not found on the index" in refused(folder, lock=path).what
    path.write_text(f"--no-index\n--find-links wheels\ngiven==1.0 --hash=sha256:{DIGEST}\n")
    assert "no file of given 1.0 with a digest" in refused(folder, lock=path).what


def test_a_pylock_toml_that_is_broken_or_lacks_a_part(folder):
    path = pylock(folder)
    error = refused(folder, Parts(groups=("other",)))
    assert isinstance(error, UsageError)
    assert "no other for --group" in error.what
    assert "test, main" in error.advice
    path.write_text('lock-version = "2.0"\ncreated-by = "x"\npackages = []\n')
    assert "not a valid pylock.toml" in refused(folder).what
    path.write_text("[")
    assert "cannot be read" in refused(folder).what
    assert "always used as it is" in refused(folder, frozen=True).what


def test_a_script_without_metadata_or_lockfile(folder):
    path = folder / "say_hi.py"
    assert isinstance(refused(folder, script=path), UsageError)
    path.write_text("print('hi')\n")
    assert "no inline metadata" in refused(folder, script=path).what
    path.write_text(SCRIPT)
    error = refused(folder, script=path)
    assert "no say_hi.py.lock" in error.what
    assert "`uv lock --script say_hi.py`" in error.advice
    (folder / "say_hi.py.lock").write_text("")
    assert "no extras" in refused(folder, EXTRA, script=path).what
    assert "not in the project folder" in refused(folder / "wheels", script=path).what
    assert "cannot be combined" in refused(folder, script=path, lock=path).what


def test_a_file_that_is_no_lockfile(folder):
    assert "is not a file" in refused(folder, lock=folder / "pylock.x.toml").what
    (folder / "lock.yaml").write_text("")
    assert "is not a lockfile that the builder can read" in refused(folder, lock=folder / "lock.yaml").what
    assert "is not the lockfile of" in refused(folder, lock=folder / "wheels/uv.lock").what


@pytest.mark.parametrize(("options", "reason"), [
    ((), "the product has no name"),
    (("--name", "kit"), "has a version of the product"),
    (("--name", "kit", "--product-version", "one"), "'one' is not a valid version"),
    (("--name", "k t", "--product-version", "1"), "'k t' is not a valid product name"),
])  # fmt: skip
def test_a_product_without_a_name_or_version_is_a_mistake_of_the_user(folder, capsys, options, reason):
    assert cli.main(["build", "--dry-run", "--lock", str(pylock(folder)), *options]) == 2
    assert reason in capsys.readouterr().err


def test_settings_of_uv_are_those_of_the_script(folder):
    index = '# [[tool.uv.index]]\n# name = "in-house"\n# url = "https://index.test/simple"\n# ///\nprint'
    (folder / "say_hi.py").write_text(SCRIPT.replace("# ///\nprint", index))
    (found,) = lockfile_of(folder, Named(script=folder / "say_hi.py")).settings().indexes
    assert (found.name, found.url) == ("in-house", "https://index.test/simple")
