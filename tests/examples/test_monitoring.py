"""The shipped rules and dashboard, with a real Prometheus that scrapes real exporters of what commands wrote."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bootstrap import cli
from shared.processes import process
from tests.advisories import RECORDS, aged_snapshot
from tests.hosts import needs
from tests.installed import make_prefix
from tests.namespaces import network
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "examples" / "monitoring"
RULES = SHIPPED / "prometheus"
DASHBOARD = json.loads((SHIPPED / "grafana" / "ragtrace-dashboard.json").read_text(encoding="utf-8"))
PORTS = (9100, 9101, 9102)
ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs of Debian")


def program(name, package):
    with needs.or_skip():
        return needs.program(name, package=package)


def promtool(*arguments):
    return process.run([program("promtool", "prometheus"), *arguments], cwd=RULES, timeout=60)


def test_the_rules_are_valid_and_fire_when_they_should() -> None:
    done = promtool("check", "rules", "ragtrace.rules.yml")
    assert done.ok, done.stdout + done.stderr
    done = promtool("test", "rules", "ragtrace.rules.test.yml")
    assert done.ok, done.stdout + done.stderr
    done = promtool("check", "config", "prometheus.yml")
    assert done.ok, done.stdout + done.stderr


def test_every_alert_is_tested() -> None:
    names = re.findall(r"- alert: (\w+)", (RULES / "ragtrace.rules.yml").read_text(encoding="utf-8"))
    tested = re.findall(r"alertname: (\w+)", (RULES / "ragtrace.rules.test.yml").read_text(encoding="utf-8"))
    assert len(names) == 7
    assert set(names) == set(tested)


def test_the_dashboard_is_complete() -> None:
    """Its structure was checked against Grafana's schema when it was written; this is what must not get lost."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) == 11
    assert DASHBOARD["uid"]
    assert DASHBOARD["schemaVersion"] == 36
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["targets"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert [one["name"] for one in DASHBOARD["templating"]["list"]] == ["datasource", "product", "instance"]


class Site:
    """A Prometheus with three hosts, each an exporter of one folder."""

    def __init__(self, net, folder):
        self.net, self.folder = net, folder
        self.running = []
        self.folders = [folder / f"host{port}" for port in PORTS]
        for path in self.folders:
            path.mkdir()

    def start(self):
        exporter = program("prometheus-node-exporter", "prometheus-node-exporter")
        for port, path in zip(PORTS, self.folders, strict=True):
            self.run(
                exporter,
                "--collector.disable-defaults",
                "--collector.textfile",
                f"--collector.textfile.directory={path}",
                f"--web.listen-address=127.0.0.1:{port}",
            )
        shutil.copy(RULES / "ragtrace.rules.yml", self.folder)
        text = (
            (RULES / "prometheus.yml").read_text(encoding="utf-8").replace("scrape_interval: 1m", "scrape_interval: 1s")
        )
        text = re.sub(r"targets: \[.*\]", f"targets: {[f'127.0.0.1:{port}' for port in PORTS]}", text)
        path = self.folder / "prometheus.yml"
        path.write_text(f"global: {{evaluation_interval: 1s}}\n{text}", encoding="utf-8")
        self.run(
            program("prometheus", "prometheus"),
            f"--config.file={path}",
            f"--storage.tsdb.path={self.folder}/data",
            "--web.listen-address=127.0.0.1:9090",
        )

    def run(self, *argv):
        log = (self.folder / f"{len(self.running)}.log").open("wb")
        self.running.append(self.net.start(*argv, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder))
        log.close()

    def end(self):
        for one in self.running:
            one.terminate()
        for one in self.running:
            one.wait(60)

    def ask(self, path, **query):
        done = self.net.run(sys.executable, "-c", ASK, f"http://127.0.0.1:9090/api/v1/{path}?{urlencode(query)}")
        return json.loads(done.stdout)["data"] if done.returncode == 0 else None

    def query(self, expr):
        """Return the samples of an expression, or None while nobody answers."""
        data = self.ask("query", query=expr)
        return None if data is None else data["result"]


@pytest.fixture
def site(tmp_path):
    with network() as net:
        made = Site(net, tmp_path)
        yield made
        made.end()


def test_what_commands_write_arrives_in_every_panel_and_rule(site, tmp_path, host, trust_stores, monkeypatch) -> None:
    monkeypatch.setattr("validator.checks.security.advisories.host_trust_stores", lambda: trust_stores)
    harmless = tuple(one for one in RECORDS if one["id"] != "TEST-1")
    prefix = make_prefix(tmp_path, verification={"advisories/advisories.zip": aged_snapshot(tmp_path, 40, harmless)})
    first = site.folders[0]
    common = ["--quiet", "--prefix", str(prefix.root)]
    assert cli.main(["validate", "--quick", *common, "--output", str(first / "ragtrace-app.prom")]) in (0, 1)
    assert cli.main(["monitor", "--count", "1", *common, "--output", str(first / "ragtrace-app-use.prom")]) == 0
    for other in site.folders[1:]:
        for path in first.iterdir():
            shutil.copy(path, other)
    odd = site.folders[2] / "ragtrace-app.prom"
    release = prefix.active().id
    changed = odd.read_text().replace(release, "1-0123456789ab-r1")
    odd.write_text(re.sub(r'(status="CRITICAL"\}) [01]', r"\1 1", changed))
    site.start()
    until(lambda: len(site.query("ragtrace:build:info") or ()) == 3 and site.query("ragtrace:build:majority"))
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            expr = target["expr"].replace("$product", ".*").replace("$instance", ".*")
            answer = site.query(expr)
            assert answer is not None, expr
            if panel["title"] != "Checks that failed":  # there may be none
                assert answer, expr
    for name in re.findall(r"ragtrace\w+", (RULES / "ragtrace.rules.yml").read_text(encoding="utf-8")):
        if name.startswith("ragtrace_"):
            assert site.query(name), name
    groups = site.ask("rules")["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
    until(lambda: len(site.ask("alerts")["alerts"]) >= 5)
    alerts = {(one["labels"]["alertname"], one["labels"]["instance"]) for one in site.ask("alerts")["alerts"]}
    assert ("RagtraceReleaseDiffers", "127.0.0.1:9102") in alerts
    assert ("RagtraceReleaseDiffers", "127.0.0.1:9100") not in alerts
    assert ("RagtraceValidationFailed", "127.0.0.1:9102") in alerts
    assert ("RagtraceAdvisoriesTooOld", "127.0.0.1:9100") in alerts
