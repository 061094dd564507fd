"""The pages in a real browser: axe-core finds no violation, the script runs under its policy, the print is short."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared import i18n
from tests.hosts import needs
from tests.validator.render import samples
from tests.validator.render.test_text import report
from validator.render import html_compare
from validator.render.html import render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AXE = "axe-core@4.10.3"
SECONDS = 240
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
PAGES = {
    "report": lambda: render(samples.large()),
    "well": lambda: render(report()),
    "compare": lambda: html_compare.render(*samples.compared()),
}
WIDTHS = (500, 1280)
SCHEMES = {"dark": 0, "light": 1}  # Chromium's PreferredColorScheme
REPORTING = """<script>
for (const fold of document.querySelectorAll('details')) fold.open = true;
axe.run().then(found => top.postMessage({name: NAME, found: found.violations.map(
  one => [one.id, one.nodes.map(node => node.html.slice(0, 200)).slice(0, 3)])}, '*'));
</script>"""
GATHERING = """<!DOCTYPE html><meta charset="utf-8"><title>axe</title><pre id="found"></pre><script>
const found = {};
addEventListener('message', event => {
  found[event.data.name] = event.data.found;
  document.getElementById('found').textContent = JSON.stringify(found);
});
</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    with needs.or_skip():
        return needs.program("chromium", package="chromium")
    raise AssertionError("or_skip ends the test")


@pytest.fixture(scope="module")
def axe() -> Path:
    """Return axe-core, fetched by npm once."""
    folder = needs.cache_folder() / "npm"
    script = folder / "node_modules/axe-core/axe.min.js"
    npm = shutil.which("npm")
    with needs.lock(folder / "lock"):
        if not script.is_file():
            if npm is None:
                pytest.skip("npm is not installed")
            options = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--prefix", str(folder))
            done = subprocess.run([npm, "install", *options, AXE], capture_output=True, timeout=SECONDS, check=False)
            if done.returncode:
                pytest.skip(f"npm cannot fetch {AXE}")
    return script


@pytest.fixture(params=["en", "ko"])
def spoken(request, monkeypatch) -> Iterator[str]:
    monkeypatch.setenv("RAGTRACE_LANG", request.param)
    i18n.translations.cache_clear()
    yield request.param
    i18n.translations.cache_clear()


def run(browser: str, folder: Path, *arguments: str) -> str:
    options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}")
    command = [browser, *options, *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=SECONDS, check=True).stdout


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_no_violation(browser, axe, spoken, scheme, tmp_path) -> None:
    """Each page in a frame of each width; its own policy, which forbids axe, is removed for this."""
    frames = []
    for name, page in PAGES.items():
        text = POLICY.sub(f'<script src="{axe.as_uri()}"></script>', page())
        assert f'<html lang="{spoken}">' in text
        for width in WIDTHS:
            path = tmp_path / f"{name}-{width}.html"
            reporting = REPORTING.replace("NAME", json.dumps(path.stem))
            path.write_text(text.replace("</body>", f"{reporting}</body>"), encoding="utf-8")
            frames.append(f'<iframe title="{path.stem}" width="{width}" height="900" src="{path.name}"></iframe>')
    gathering = tmp_path / "all.html"
    gathering.write_text(GATHERING + "".join(frames), encoding="utf-8")
    setting = f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}"
    dom = run(browser, tmp_path, setting, "--virtual-time-budget=60000", "--dump-dom", gathering.as_uri())
    found = json.loads(html.unescape(dom.partition('<pre id="found">')[2].partition("</pre>")[0]))
    assert found == {f"{name}-{width}": [] for name in PAGES for width in WIDTHS}


def test_the_script_runs_and_nothing_of_a_report_does(browser, tmp_path) -> None:
    hostile = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
    results = tuple(replace(result, details=hostile, check_name=hostile) for result in report().results)
    path = tmp_path / "report.html"
    path.write_text(render(report(results)), encoding="utf-8")
    dom = run(browser, tmp_path, "--virtual-time-budget=2000", "--dump-dom", path.as_uri())
    assert f"{len(results)} / {len(results)}</output>" in dom
    assert not re.search(r'<(button|div) [^>]*hidden=""', dom)
    assert "<title>Demo-App: CRITICAL</title>" in dom
    assert "<img" not in dom


def test_a_search_opens_the_fold_that_has_what_is_sought(browser, tmp_path) -> None:
    """A script of the test types into the field; the page's policy is removed for this."""
    typing = """<script>document.getElementById('find').value = 'import TIME';
    document.getElementById('find').dispatchEvent(new Event('input'));</script></body>"""
    text = POLICY.sub("", render(report()))
    path = tmp_path / "report.html"
    path.write_text(text.replace("</body>", typing), encoding="utf-8")
    dom = run(browser, tmp_path, "--dump-dom", path.as_uri())
    shown = re.findall(r'<article [^>]*?data-category="\d"( hidden="")?>', dom)
    assert sorted(shown) == ["", *[' hidden=""'] * (len(report().results) - 1)]
    assert '<details class="fold" open="">' in dom


def test_it_prints_on_three_pages_with_passes_folded(browser, spoken, tmp_path) -> None:
    path, pdf = tmp_path / "report.html", tmp_path / "report.pdf"
    path.write_text(render(samples.large()), encoding="utf-8")
    run(browser, tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", path.as_uri())
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) <= 3
