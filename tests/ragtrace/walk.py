"""The closed side: somebody who installs RAGTrace at a host without a network, uses it, breaks it and removes it."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from tests.hosts import needs
from tests.ragtrace.building import LATER
from tests.stories.operator import Operator
from tests.stories.workshop import succeeded

if TYPE_CHECKING:
    from pathlib import Path

    from shared.processes.process import Completed
    from tests.hosts.closed import Host
    from tests.ragtrace.table import Row, Table

SECONDS = 3600.0  # no step takes longer
STARTS = 5  # of one command, for a median
SITE = "current/venv/lib/python3.11/site-packages"
RESULT = "evaluation_data_small.json"
FETCH = """
import sys, time, urllib.request
end = time.monotonic() + float(sys.argv[2])
while True:
    try:
        sys.exit(urllib.request.urlopen(sys.argv[1], timeout=5).status != 200)
    except OSError:
        if time.monotonic() > end:
            raise
        time.sleep(0.2)
"""
# what the repository's own results look like (docs of the application: metrics and individual scores)
SCORES = {
    "faithfulness": 0.9,
    "answer_relevancy": 0.8,
    "context_recall": 0.7,
    "context_precision": 0.6,
    "ragas_score": 0.75,
    "individual_scores": [{"faithfulness": value, "answer_relevancy": 0.8} for value in (0.8, 0.9, 1.0)],
}


class Walk:
    """One user's whole life with RAGTrace on one host; every step is a row of the table."""

    def __init__(self, host: Host, bundles: dict[str, Path], table: Table, folder: Path) -> None:
        self.host, self.bundles, self.table, self.folder = host, bundles, table, folder
        self.user = Operator(host, "operator", "/home/operator/.local/share/ragtrace/ragtrace")
        self.home = self.user.home
        self.work = f"{self.home}/work"

    def all(self) -> None:
        """Walk from the medium to the removal."""
        self.copy_in()
        self.check_first()
        self.install()
        self.commands()
        self.dashboard()
        self.validate("validate after installation")
        self.model()
        self.configure()
        self.damage("one package", ["requests"])
        self.damage("torch", ["torch"])
        self.damage("two packages", ["pandas", "streamlit"])
        self.damage_model()
        self.upgrade()
        self.restore()
        self.remove()

    def tool(self, *arguments: str, **options: Any) -> Completed:
        """Run the installed tool."""
        return self.user.tool(*arguments, timeout=SECONDS, **options)

    def app(self, *arguments: str, **options: Any) -> Completed:
        """Run RAGTrace from its launcher, in a folder of the user's."""
        options = {"timeout": SECONDS, "cwd": self.work, **options}
        return self.user.run(f"{self.user.prefix}/bin/ragtrace", *arguments, **options)

    def copy_in(self) -> None:
        """Copy the medium to the host's disk."""
        with self.table.step("copy the bundle folder to the host"):
            self.medium = self.user.copy_in(self.bundles["linux-x86_64"])
            self.delta = self.user.copy_in(self.bundles["delta"], "delta")
            succeeded(self.user.run("mkdir", "-p", self.work))

    def check_first(self) -> None:
        """Check the copy with nothing of ours."""
        with self.table.step("sha256sum -c SHA256SUMS"):
            succeeded(self.user.run("sha256sum", "-c", "SHA256SUMS", cwd=self.medium, timeout=SECONDS))

    def install(self) -> None:
        """Install, and look at what is there."""
        with self.table.step("install --dry-run"):
            succeeded(self.user.installer(self.medium, "install", "--dry-run", timeout=SECONDS))
        with self.table.step("install", "8-15 min") as row:
            done = succeeded(self.user.installer(self.medium, "install", timeout=SECONDS))
            (self.folder / "install.txt").write_text(done.stderr + done.stdout)
            row.note = "; ".join(line for line in done.stdout.splitlines() if "GEMINI_API_KEY" in line)[:160]
        with self.table.step("commands in PREFIX/bin") as row:
            names = sorted(path.name for path in self.user.path("bin").iterdir())
            row.note = " ".join(names)
            assert {"ragtrace", "ragtrace-dashboard", "ragtrace-offline"} <= set(names), names

    def starts(self, *arguments: str, promised: str = "") -> None:
        """Time the first start of a command after something changed, and the median of those that follow."""
        name = " ".join(["ragtrace", *arguments])
        with self.table.step(f"{name}: first start after installation", promised) as first:
            succeeded(self.app(*arguments, env={"GEMINI_API_KEY": "any"}))
        with self.table.step(f"{name}: warm start, median of {STARTS}", promised) as warm:
            took = [self.timed(*arguments) for _ in range(STARTS)]
            warm.seconds = round(statistics.median(took), 2)
            # one first start cannot be repeated: how far the warm ones are apart says what its ratio is worth
            ratio, apart = (first.seconds or 0) / warm.seconds, f"{min(took):.2f} to {max(took):.2f} s"
            warm.note = f"first start {ratio:.2f} times as long; warm ones took {apart}"

    def timed(self, *arguments: str) -> float:
        started = time.monotonic()
        succeeded(self.app(*arguments, env={"GEMINI_API_KEY": "any"}))
        return time.monotonic() - started

    @staticmethod
    def said(row: Row, done: Completed) -> None:
        """Demand success, and note the last line of what a command said."""
        succeeded(done)
        lines = [text.strip() for text in done.stdout.splitlines() if text.strip()]
        row.note = row.note or (lines[-1][:100] if lines else "")

    def commands(self) -> None:
        """Start the CLI, then use every command that works offline."""
        self.starts("--help")
        self.starts("list-datasets", promised="import 5-10 s")
        self.host.path(f"{self.work}/a.json").write_text(json.dumps(SCORES))
        self.host.path(f"{self.work}/b.json").write_text(json.dumps({**SCORES, "faithfulness": 0.5}))
        csv = f"{self.user.prefix}/data/data/sample_evaluation_data.csv"
        # "advanced" ends in an error of its own: numpy's bool is no JSON
        for words in (
            ("list-prompts",),
            ("list-checkpoints",),
            ("import-data", csv, "--output", "converted.json", "--validate"),
            ("export-results", "a.json"),
            ("analyze-results", "a.json", "--analysis-type", "basic"),
            ("analyze-results", "a.json", "--analysis-type", "eda"),
            ("compare-results", "a.json", "b.json", "--labels", "A", "B"),
            ("cleanup-checkpoints", "--days", "1"),
        ):
            with self.table.step("ragtrace " + " ".join(words).replace(csv, "FILE.csv")) as row:
                self.said(row, self.app(*words, env={"GEMINI_API_KEY": "any"}))
        with self.table.step("ragtrace evaluate, as far as it goes without a network") as row:
            done = self.app("evaluate", RESULT, "--embedding", "bge_m3", env={"GEMINI_API_KEY": "any"})
            assert "Traceback" not in done.stdout + done.stderr, done.stderr
            row.note = (done.stdout.strip().splitlines() or [""])[-1][:100]

    def dashboard(self) -> None:
        """Start the dashboard, ask for its page, and take a picture of it."""
        where = ("--server.port=8503", "--server.address=127.0.0.1", "--server.headless=true")
        serve = (f"{self.user.prefix}/bin/ragtrace-dashboard", *where)
        env = {"GEMINI_API_KEY": "any"}
        with (
            self.table.step("dashboard: from its command to its page"),
            self.host.background(*serve, ready="URL", user="operator", env=env, cwd=self.work),
        ):
            url = "http://127.0.0.1:8503/"
            succeeded(self.user.run("python3", "-c", FETCH, url, "120", loopback=True, timeout=SECONDS))
            self.picture(url)

    def picture(self, url: str) -> None:
        """Let Chromium of this machine look at a page of the host, once its first view is there."""
        needs.program("chromedriver", package="chromium-driver")
        picture = self.folder / "dashboard.png"
        argv = (sys.executable, "-m", "tests.ragtrace.picture", url, "Overview", str(picture))
        succeeded(self.host.beside(*argv, timeout=300))

    def validate(self, name: str, *arguments: str) -> dict[str, Any]:
        """Validate; nothing fails but known vulnerabilities of the application's own packages."""
        with self.table.step(name) as row:
            done = self.tool("validate", "--json", *arguments, env={"GEMINI_API_KEY": "any"})
            report = json.loads(done.stdout)
            (self.folder / f"{name.replace(' ', '-')}.json").write_text(done.stdout)
            results = report["validation_results"]
            bad = [item for item in results if item["status"] in ("FAIL", "ERROR")]
            skipped = [item["id"] for item in results if item["status"] == "SKIP"]
            row.note = f"{report['overall_status']}; SKIP: {', '.join(skipped) or '-'}"
            other = [f"{item['id']}: {item['details']}" for item in bad if item["id"] != "security.advisories"]
            assert not other, other
            return dict(report)
        return {}

    def model(self) -> None:
        """Time the model: its adapter's process starts, loads it and embeds one sentence, then several."""
        with self.table.step("the model: start, load and first embedding", "5-10 s") as row:
            done = self.tool("validate", "--json", "--check", "performance.model", env={"GEMINI_API_KEY": "any"})
            (found,) = json.loads(done.stdout)["validation_results"]
            assert found["status"] in ("PASS", "WARN"), found
            row.seconds = float(found["performance_metric"]["bge-m3.load"]["value"])
            row.note = found["details"]

    def configure(self) -> None:
        """Set a key, an embedding, and a name that nobody loads."""
        with self.table.step("configure: a setting of the guides is loaded, a misspelled one is reported") as row:
            self.user.configure(GEMINI_API_KEY="any", DEFAULT_EMBEDDING="hcx", DEFAULT_EMBEDING="bge_m3")
            said = succeeded(self.app("evaluate", "--help")).stdout
            assert "(기본값: hcx)" in said, said
            done = self.tool("validate", "--json", "--check", "ragtrace.settings")
            (found,) = json.loads(done.stdout)["validation_results"]
            assert found["status"] == "WARN", found
            assert "DEFAULT_EMBEDING" in json.dumps(found), found
            row.note = found["details"][:160]
            file = self.user.path(".env")
            file.write_text(file.read_text().replace("DEFAULT_EMBEDING=bge_m3\n", "").replace("=hcx", "=bge_m3"))

    def damage(self, what: str, packages: list[str]) -> None:
        """Cut a module of each package short, see it in the report, and repair it from what the host keeps."""
        with self.table.step(f"recover: {what} damaged", "5 min") as row:
            for package in packages:
                module = self.user.path(f"{SITE}/{package}/__init__.py")
                module.write_bytes(module.read_bytes()[:-1])
            report = f"{self.home}/diagnosis.json"
            found = self.tool("validate", "--output", report, "--check", "packages.record")
            assert found.returncode == 1, found.stdout
            started = time.monotonic()
            done = succeeded(self.tool("recover", report, "--yes"))
            row.seconds = round(time.monotonic() - started, 2)
            (self.folder / f"recover-{what.replace(' ', '-')}.txt").write_text(done.stderr + done.stdout)
            succeeded(self.tool("validate", "--check", "packages.record"))

    def damage_model(self) -> None:
        """Damage the weights and a package: the package is mended alone, the weights with the bundle."""
        weights = max(self.user.path("current/models/bge-m3").iterdir(), key=lambda path: path.stat().st_size)
        with self.table.step("recover: weights and a package damaged, without the bundle") as row:
            weights.chmod(0o644)
            with weights.open("r+b") as file:
                file.seek(1 << 20)
                file.write(b"damaged!")
            module = self.user.path(f"{SITE}/requests/__init__.py")
            module.write_bytes(module.read_bytes()[:-1])
            done = self.tool("recover", "--yes")
            assert weights.name in done.stdout + done.stderr, done.stdout + done.stderr
            succeeded(self.tool("validate", "--check", "packages.record"))
            row.note = f"exit {done.returncode}, the weights are named"
        with self.table.step("recover: the weights, with the bundle beside it") as row:
            done = succeeded(self.tool("recover", "--yes", "--bundle", self.medium))
            succeeded(self.tool("validate", "--check", "ragtrace.models"))

    def upgrade(self) -> None:
        """Upgrade by the delta, look, and go back."""
        with self.table.step("upgrade by the delta"):
            done = succeeded(self.tool("upgrade", self.delta))
            (self.folder / "upgrade.txt").write_text(done.stderr + done.stdout)
            assert self.version() == LATER, self.version()
        with self.table.step("ragtrace list-datasets: after the upgrade") as row:
            row.note = f"{len(succeeded(self.app('list-datasets')).stdout.splitlines())} lines"
        self.validate("validate after the upgrade")
        with self.table.step("rollback"):
            succeeded(self.tool("rollback"))
            assert self.version() != LATER, self.version()
            succeeded(self.app("list-datasets"))

    def version(self) -> str:
        manifest = json.loads(self.user.path("current/bundle/MANIFEST.json").read_text())
        return str(manifest["product"]["version"])

    def restore(self) -> None:
        """Back up, lose a data set, bring it back."""
        mine = self.user.path("data/data/mine.json")
        with self.table.step("backup create, backup restore"):
            mine.write_text("[]\n")
            made = json.loads(succeeded(self.tool("backup", "create", "--json")).stdout)
            mine.unlink()
            succeeded(self.tool("backup", "restore", self.backup_of(made)))
            assert mine.read_text() == "[]\n"

    @staticmethod
    def backup_of(made: dict[str, Any]) -> str:
        """Return the name of a backup from what the command said."""
        return str(made["backup"] if "backup" in made else made["id"])

    def remove(self) -> None:
        """Remove the application; the user's own and the audit log stay."""
        with self.table.step("uninstall"):
            succeeded(self.tool("uninstall", "--yes"))
            assert self.user.path("data/data/mine.json").is_file()
            assert self.user.path("state/audit/audit.jsonl").is_file()
            assert not self.user.path("releases").exists()
