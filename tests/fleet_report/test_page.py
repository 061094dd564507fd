"""The page in a real browser: its script runs under its policy, and nothing of a statement does."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest

from fleet.collect import Request, collect
from fleet.judging import Wanted
from fleet.render import page
from tests.fleet_report import made
from tests.fleet_report.made import NOW, Host

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCRIPT = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_filters_work_and_nothing_of_a_statement_runs(tmp_path) -> None:
    hostile = replace(made.PROBLEM, details=SCRIPT, name=SCRIPT)
    for number in range(3):
        host = Host(f"host-{number}", hostname=SCRIPT if number == 0 else "")
        host.put(tmp_path, host.says(facts=replace(made.REPORT, problems=(hostile,))), name=str(number))
    fleet, _last = collect(tmp_path, Request(None, Wanted(now=NOW)))
    path = tmp_path / "fleet.html"
    path.write_text("".join(page.render(fleet)), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [str(BROWSER), *options, "--virtual-time-budget=2000", "--dump-dom", path.as_uri()]
    dom = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, check=True).stdout
    assert '<span id="shown">3 / 3</span>' in dom  # the script counted the rows
    assert '<div id="filters" hidden' not in dom
    assert "<title>Fleet report</title>" in dom
    assert "<img" not in dom
