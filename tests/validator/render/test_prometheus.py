from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from installer.logs.identity import Identity
from tests import metrics
from tests.validator.render.test_text import RESULTS, report
from validator.check import FAIL, PACKAGES, PASS, PERFORMANCE, STATUSES, CheckResult
from validator.render.prometheus import render


def samples(found=None):
    return metrics.parse(render(found or report()) + "\n")


def test_each_check_has_one_status() -> None:
    found = samples()
    for result in RESULTS:
        seen = {
            status: metrics.value(found, "ragtrace_check_status", check=result.id, status=status) for status in STATUSES
        }
        assert seen == {status: float(status == result.status) for status in STATUSES}


def test_the_whole_is_told() -> None:
    found = samples()
    assert metrics.value(found, "ragtrace_validation_status", status="CRITICAL") == 1
    assert metrics.value(found, "ragtrace_validation_status", status="GOOD") == 0
    assert metrics.value(found, "ragtrace_validation_results", status="PASS") == 3
    assert metrics.value(found, "ragtrace_validation_checks_not_run") == 0
    partial = samples(replace(report(), not_run={"packages.record": "Installed files"}))
    assert metrics.value(partial, "ragtrace_validation_checks_not_run") == 1
    then = datetime(2026, 1, 31, 12, tzinfo=timezone.utc).timestamp()
    assert metrics.value(found, "ragtrace_validation_timestamp_seconds") == then
    assert metrics.value(found, "ragtrace_release_info", version="1.0.0", release="1-0123456789ab-r1") == 1


def test_what_was_measured_comes_in_base_units() -> None:
    given = {
        "numpy": {"value": 136.5, "unit": "ms"},
        "read": {"value": 1.5, "unit": "GB/s"},
        "free": {"value": 2, "unit": "GB"},
        "cores": {"value": 4, "unit": ""},
        "speed": {"value": 3, "unit": "embeddings/s"},
    }
    found = samples(report((CheckResult("x.y", PERFORMANCE, "Speed", PASS, "", performance_metric=given),)))
    assert metrics.value(found, "ragtrace_check_measured_seconds", metric="numpy") == 0.1365
    assert metrics.value(found, "ragtrace_check_measured_bytes_per_second", metric="read") == 1.5e9
    assert metrics.value(found, "ragtrace_check_measured_bytes", metric="free") == 2e9
    assert metrics.value(found, "ragtrace_check_measured", metric="cores", unit="") == 4
    assert metrics.value(found, "ragtrace_check_measured", metric="speed", unit="embeddings/s") == 3


def test_several_results_of_one_check_are_series_of_their_own() -> None:
    about = [CheckResult("p.i", PACKAGES, "Import", PASS, "", evidence={"module": name}) for name in ("torch", "numpy")]
    again = replace(about[0], status=FAIL)
    found = samples(report((*about, again)))
    assert metrics.value(found, "ragtrace_check_status", about="numpy", status="PASS") == 1
    assert metrics.value(found, "ragtrace_check_status", about="torch", status="PASS") == 1
    assert metrics.value(found, "ragtrace_check_status", about="torch#1", status="FAIL") == 1


def test_names_for_people_are_no_labels() -> None:
    assert "명령" not in render(report())
    assert "Installed files" not in render(report())


def test_two_applications_of_a_host_do_not_share_a_series() -> None:
    one, other = (samples(replace(report(), prefix=prefix)) for prefix in ("/opt/a", "/opt/b"))
    assert not one.keys() & other.keys()


def test_nothing_installed_is_told_too() -> None:
    empty = replace(report(), prefix=None, version=None, release=None)
    assert metrics.value(samples(empty), "ragtrace_release_info", version="") == 1


def test_the_host_has_the_names_of_its_identity() -> None:
    found = samples(replace(report(), identity=Identity("plc-1", None, "1" * 16, "라인2")))
    labels = {"hostname": "plc-1", "machine_id": "", "installation": "1" * 16, "asset": "라인2"}
    assert metrics.value(found, "ragtrace_release_info", **labels) == 1
