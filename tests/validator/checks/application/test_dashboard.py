from __future__ import annotations

from dataclasses import replace

import psutil
import pytest

from bundle.product.application import Dashboard
from tests.installed import APPLICATION, make_prefix
from tests.validator.checking import change, look, release_of, snapshot
from validator.check import ERROR, FAIL, PASS, SKIP
from validator.checks.application.dashboard import DashboardAnswer
from validator.trials import apart

PAGE = """\
import http.server, os, pathlib, subprocess, sys
(pathlib.Path(__file__).parent / "data" / "seen").write_text("x")
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)  # {mark}"])
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({status} if self.path == "/health" else 404)
        self.end_headers()
    def log_message(self, *arguments):
        pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["DEMO_PORT"])), Page).serve_forever()
"""
DASHBOARD = Dashboard(("demo", "serve"), {"DEMO_PORT": "{port}"}, "/health")


@pytest.fixture
def with_page(tmp_path):
    return make_prefix(tmp_path, application=replace(APPLICATION, dashboard=DASHBOARD))


def serve(prefix, text: str) -> None:
    change(release_of(prefix).app / "app.py", text.encode())


def running(mark: str) -> list[int]:
    everyone = psutil.process_iter(["cmdline"])
    return [process.pid for process in everyone if mark in " ".join(process.info["cmdline"] or ())]


@pytest.mark.parametrize("cut_off", [True, False])
def test_a_page_that_answers_passes_and_everything_is_ended(with_page, monkeypatch, cut_off) -> None:
    if not cut_off:
        monkeypatch.setattr(apart, "possible", lambda: False)
    mark = f"child-of-{with_page.root.parent.name}"
    serve(with_page, PAGE.format(status=200, mark=mark))
    before = snapshot(with_page.root)
    result = look(DashboardAnswer, with_page)
    assert result.status == PASS, result.details
    assert "/health responded with HTTP 200" in result.details
    assert result.performance_metric["dashboard"]["unit"] == "s"
    assert snapshot(with_page.root) == before
    assert not running(mark)


@pytest.mark.parametrize(
    ("text", "details"),
    [
        (PAGE.format(status=500, mark="x-500"), "/health responded with HTTP 500"),
        ("import sys\nsys.exit('no template')\n", "exited with code 1: no template"),
        ("import os\nos._exit(0)\n", "exited with code 0"),
    ],
)
def test_a_page_that_is_broken_fails(with_page, text, details) -> None:
    serve(with_page, text)
    result = look(DashboardAnswer, with_page)
    assert result.status == FAIL
    assert details in result.details


def test_a_page_that_never_answers_fails_and_is_ended(with_page) -> None:
    mark = f"hangs-{with_page.root.parent.name}"
    serve(with_page, f"import time\ntime.sleep(600)  # {mark}\n")
    result = look(DashboardAnswer, with_page, limit=2.0)
    assert (result.status, "did not respond" in result.details) == (FAIL, True), result.details
    assert not running(str(with_page.root))


@pytest.mark.skipif(not apart.possible(), reason="takes a network of its own")
def test_a_host_whose_loopback_is_down_is_told_before_the_page_is_started(with_page, monkeypatch) -> None:
    down = apart.ENTER.replace("UP))", "0))")
    assert down != apart.ENTER
    monkeypatch.setattr(apart, "ENTER", down)
    serve(with_page, "import time\ntime.sleep(600)\n")
    result = look(DashboardAnswer, with_page)
    assert result.status == ERROR
    assert result.details.startswith("127.0.0.1 cannot be used on this host: ")
    assert "ip link set lo up" in result.suggestion


def test_a_launcher_that_is_missing_fails(with_page) -> None:
    (with_page.bin / "demo").unlink()
    assert look(DashboardAnswer, with_page).status == FAIL


def test_a_host_where_the_asking_itself_breaks_is_an_error(with_page, monkeypatch) -> None:
    monkeypatch.setattr("validator.checks.application.dashboard.ASK", "raise SystemExit('broken')")
    result = look(DashboardAnswer, with_page)
    assert (result.status, "broken" in result.details) == (ERROR, True)


def test_without_a_dashboard_there_is_nothing_to_ask(prefix) -> None:
    assert look(DashboardAnswer, prefix).status == SKIP
