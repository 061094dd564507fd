"""Somebody with a Korean name on a Windows host in Korean: code page 949, no folder named, everything in a pipe."""

from __future__ import annotations

import json
import re

import pytest

from tests.stories.workshop import succeeded
from tests.windows import test_folder
from tests.windows.operator import Operator

pytestmark = [pytest.mark.index, pytest.mark.host]
USER = "김철수"
PREFIX = f"C:\\users\\{USER}\\AppData\\Local\\ragtrace\\jotter"
HANGUL = re.compile("[가-힣]")
PYTHON = "C:\\python\\3.11\\python.exe"


@pytest.fixture(scope="module")
def bare(windows):
    """Give the user before anything is installed."""
    host = windows.beside(USER, "ko_KR.UTF-8")
    page = "import ctypes; print(ctypes.windll.kernel32.GetACP())"
    assert succeeded(host.python("3.11", "-c", page)).stdout == "949\n"
    return Operator(host, PREFIX, code_page="cp949")


@pytest.fixture(scope="module")
def said(bare, small):
    """Install without naming a folder; return what the installer said."""
    zipapp = f"{bare.copy_in(small())}\\ragtrace-install.pyz"
    return succeeded(bare.program(PYTHON, zipapp, "install"))


def test_it_is_installed_into_the_users_own_folder_and_told_in_korean(bare, said):
    assert bare.path("current.json").exists()
    assert PREFIX in said.stdout
    assert HANGUL.search(said.stdout.replace(USER, ""))
    assert HANGUL.search(said.stderr.replace(USER, ""))
    assert "설치" in said.stdout + said.stderr


def test_the_script_of_the_folder_speaks_korean(bare):
    folder = f"C:\\users\\{USER}\\막대"
    test_folder.lay(bare.host, folder, test_folder.WINDOWS)
    code, shown = test_folder.click(bare.host, folder)
    text = shown.decode("cp949")
    assert code == 2
    for words in (
        "네 줄을 모두 신뢰 확인서와 비교하십시오.",
        "별도 경로로",
        "아무것도 실행하지 않았습니다.",
        "아무 키나",
    ):
        assert words in text


@pytest.mark.usefixtures("said")
def test_the_application_runs_and_keeps_korean_words(bare):
    assert bare.note("질문", "두 낱말")["notes"][-1] == "질문 두 낱말"
    assert bare.path("data\\notes.txt").read_text("utf-8").endswith("질문 두 낱말\n")


@pytest.mark.usefixtures("said")
def test_a_validation_is_read_in_korean(bare):
    bare.note("one")
    shown = succeeded(bare.tool("validate"))
    assert "Visual C++ 런타임" in shown.stdout
    assert PREFIX in shown.stdout
    page = f"C:\\users\\{USER}\\보고서.html"
    succeeded(bare.tool("validate", "--quick", "--format", "html", "--output", page))
    assert "런타임" in bare.host.path(page).read_text("utf-8")
    report = bare.validate(0, "--check", "system.locale")
    assert (report["prefix"], "cp949" in json.dumps(report)) == (PREFIX, True)


@pytest.mark.usefixtures("said")
def test_history_status_and_refusals_are_too(bare):
    for command in (("status",), ("history",), ("backup", "list"), ("recover",), ("--help",)):
        assert HANGUL.search(succeeded(bare.tool(*command)).stdout.replace(USER, "")), command
    denied = bare.tool("backup", "restore", "없는 것")
    assert denied.returncode == 2
    assert "없는 것" in denied.stderr
    assert HANGUL.search(denied.stderr.replace("없는 것", "").replace(USER, ""))
