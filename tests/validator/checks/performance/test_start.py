from __future__ import annotations

import os
from dataclasses import replace

from bundle.product.application import Dashboard, Launcher
from installer.release.installation import active as installed
from tests.installed import APPLICATION, BASE, LIB, make_prefix
from tests.validator.checking import change, look, look_all, release_of, snapshot
from validator.check import ERROR, PASS, SKIP, WARN
from validator.checks.performance import measured
from validator.checks.performance.start import StartTime, write_plain


def test_a_start_is_timed_cold_and_warm_before_and_after(prefix) -> None:
    before = snapshot(prefix.root)
    result = look(StartTime, prefix)
    assert (result.status, result.check_name) == (PASS, "Startup of demo"), result.details
    metric = {name.removeprefix("demo --help "): item for name, item in result.performance_metric.items()}
    assert set(metric) == {"warm", "cold", "warm before", "cold before"}
    assert all(item["value"] > 0.005 for item in metric.values())
    assert snapshot(prefix.root) == before


def test_before_means_without_lazy_imports(tmp_path) -> None:
    slow = replace(BASE, modules={"demo_base.py": "import time\ntime.sleep(1)\n"})
    source = {"app.py": b"import ours\n", "ours.py": b"import demo_lib\ndef work(): return demo_lib.embed\n"}
    application = replace(APPLICATION, lazy_imports=("demo_lib",))
    result = look(StartTime, make_prefix(tmp_path, source=source, wheels=(LIB, slow), application=application))
    metric = {name.removeprefix("demo --help "): item["value"] for name, item in result.performance_metric.items()}
    assert metric["warm before"] >= 1
    assert metric["warm"] < metric["warm before"]


def test_before_means_without_bytecode(tmp_path) -> None:
    # 6 where the release's bytecode is missing, 7 where Python was told to look elsewhere and finds none
    app = b"import ours, os, sys\nif os.path.exists(ours.__cached__): sys.exit(0)\n"
    app += b"sys.exit(7 if sys.pycache_prefix else 6)\n"
    result = look(StartTime, make_prefix(tmp_path, source={"app.py": app, "ours.py": b""}))
    assert (result.status, "demo --help: exited with code 7" in result.details) == (ERROR, True)


def test_settings_that_are_sealed_read_only_are_replaced_and_not_written_into(prefix, tmp_path) -> None:
    before = (release_of(prefix).run_file).read_text()
    other = tmp_path / "run.json"
    os.link(release_of(prefix).run_file, other)
    write_plain(installed(prefix), tmp_path)
    assert other.read_text() == before
    assert str(tmp_path) in release_of(prefix).run_file.read_text()


def test_more_than_the_threshold_is_told(prefix, monkeypatch) -> None:
    monkeypatch.setitem(measured.DEFAULTS, "start_seconds", measured.Bound(1e-6, at_least=False))
    assert look(StartTime, prefix).status == WARN


def test_a_command_that_does_not_work_was_not_measured(prefix) -> None:
    change(release_of(prefix).app / "app.py", b"raise SystemExit(3)\n")
    result = look(StartTime, prefix)
    assert (result.status, "demo --help: exited with code 3" in result.details) == (ERROR, True)


def test_a_launcher_that_no_smoke_command_starts_is_told_unless_it_is_the_dashboard(tmp_path) -> None:
    launchers = (*APPLICATION.launchers, Launcher("other", "script", "app.py"), Launcher("page", "script", "app.py"))
    application = replace(APPLICATION, launchers=launchers, dashboard=Dashboard(("page", "{port}")))
    results = look_all(StartTime, make_prefix(tmp_path, application=application))
    found = {result.check_name: result.status for result in results}
    assert found == {"Startup of demo": PASS, "Startup of other": SKIP}


def test_a_missing_launcher_is_an_error_of_its_own(prefix) -> None:
    (prefix.bin / "demo").unlink()
    result = look(StartTime, prefix)
    assert (result.status, result.details) == (ERROR, "bin/demo is missing.")
