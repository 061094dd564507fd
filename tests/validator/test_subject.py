from __future__ import annotations

from dataclasses import replace

import pytest

from tests.validator.checking import change, release_of
from validator.check import ERROR, SKIP, UncheckedError
from validator.subject import Subject, subject_before_installation, subject_of


def test_a_whole_installation_has_no_problems(prefix) -> None:
    subject = subject_of(prefix)
    assert subject.problems == {}
    assert subject.title == "Demo-App"
    assert subject.need_manifest().product.name == subject.need_receipt().product == "demo-app"


def test_nothing_installed_is_a_reason_to_skip() -> None:
    subject = subject_before_installation()
    assert subject == Subject()
    for need in (subject.need_prefix, subject.need_release, subject.need_manifest, subject.need_receipt):
        with pytest.raises(UncheckedError, match="nothing is installed") as caught:
            need()
        assert caught.value.status == SKIP


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("manifest", b"{", "not JSON"),
        ("manifest", None, "No such file"),
        ("receipt", b"[]", "does not match the checksum"),
        ("receipt", None, "No such file"),
    ],
)
def test_what_is_broken_is_a_value_and_the_rest_is_there(prefix, name, content, reason) -> None:
    release = release_of(prefix)
    path = release.receipt_file if name == "receipt" else release.bundle / "MANIFEST.json"
    if content is None:
        path.unlink()
    else:
        change(path, content)
    subject = subject_of(prefix)
    assert list(subject.problems) == [name]
    assert reason in subject.problems[name]
    assert getattr(subject, name) is None
    with pytest.raises(UncheckedError) as caught:
        getattr(subject, f"need_{name}")()
    assert (caught.value.status, caught.value.reason) == (ERROR, subject.problems[name])


def test_half_a_release_is_none(prefix) -> None:
    release_of(prefix).complete_file.unlink()
    subject = subject_of(prefix)
    assert subject.release is None
    assert str(prefix.root) in subject.problems["release"]
    assert subject.title == "RAGTrace"


def test_commands_can_be_typed_as_they_are(prefix, monkeypatch) -> None:
    monkeypatch.setenv("RAGTRACE_ZIPAPP", "/media/the disk/ragtrace-install.pyz")
    command = replace(subject_of(prefix), report_name="my report.json").recover_command()
    assert command.startswith("python3 '/media/the disk/ragtrace-install.pyz' recover 'my report.json' --prefix ")
    monkeypatch.delenv("RAGTRACE_ZIPAPP")
    assert subject_before_installation().reinstall()["command"] == "python3 ragtrace-install.pyz install"
