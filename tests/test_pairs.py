"""Every reader of a document, by what writes it: where the pair is tried, or whose document it is.

What is ours on both sides has a test that lets the writer make what the reader takes, up to its bounds. A reader that
is not in this table fails here, so that nobody forgets the other side of it.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bootstrap", "builder", "bundle", "fleet", "installer", "recovery", "shared", "validator")
CALLS = {
    ("configparser", "ConfigParser"),
    ("digest", "read_sums"),
    ("json", "load"),
    ("json", "loads"),
    ("strict", "loads"),
    ("strict", "parse"),
    ("tomllib", "loads"),
}
WORDS = (*(".".join(call) for call in sorted(CALLS)), ".from_bytes")
BOOT, BUILD, VALID = "tests/installer/test_bounds.py", "tests/builder/test_bounds.py", "tests/validator/test_bounds.py"

# a reader of what we write → the test of the pair
OURS = {
    "installer/release/acceptance.py:check_imports": "tests/installer/release/test_acceptance.py::test_imports_end_at_once",
    "installer/advisories/scan.py:table_of": f"{BUILD}::test_a_judgement_that_hosts_would_not_read",
    "shared/programs/app_launcher.py:main": f"{BOOT}::test_what_launchers_start_by",
    "installer/logs/audit_log.py:_entries": f"{BOOT}::test_audit_lines",
    "installer/logs/audit_log.py:activations": f"{BOOT}::test_audit_lines",
    "installer/logs/identity.py:read": "tests/installer/logs/test_identity.py::test_any_name_that_is_accepted",
    "installer/userdata/backup_index.py:read_backup": f"{BOOT}::test_backup_indexes",
    "bundle/advisories/exceptions.py:read_exceptions": f"{BUILD}::test_exceptions",
    "bundle/advisories/index.py:Index.of": "tests/bundle/advisories/test_index.py::test_round_trip",
    "bundle/advisories/raw/lines.py:read_record": "tests/bundle/advisories/raw/test_lines.py::test_what_is_written_is_read",
    "bundle/advisories/retained/entries.py:read_retained": (
        "tests/bundle/advisories/retained/test_entries.py::test_a_list_is_read_strictly"
    ),
    "builder/assemble/attested.py:_rows": (
        "tests/builder/wheels/attesting/test_attestations_again.py::test_a_bundle_holds_what_verifies_it_again_years_later"
    ),
    "bundle/advisories/scanner.py:Scanner.ask": "tests/validator/checks/security/test_pickles.py::test_what_is_found",
    "bundle/advisories/signals/exploits.py:read_catalogue": (
        "tests/builder/advisories/signals/test_catalogues.py::test_kev_is_reduced"
    ),
    "bundle/advisories/snapshot.py:read_snapshot": "tests/builder/advisories/test_snapshot.py::test_what_a",
    "bundle/manifest.py:parse_manifest": f"{BUILD}::test_as_many_files_as_hosts_take",
    "bundle/opening.py:Bundle.volumes": "tests/builder/signing/test_release.py::test_a_host_wants_both",
    "bundle/opening.py:open_bundle": "tests/builder/signing/test_release.py::test_a_host_wants_both",
    "bundle/signing/policy.py:parse_policy": f"{BOOT}::test_policies_of_as_many_keys",
    "installer/release/bytecode.py:compile_application": "tests/installer/release/test_bytecode.py::test_all_that_the_application",
    "installer/layout/journal.py:read": f"{BOOT}::test_journals",
    "bootstrap/launch/__init__.py:read_facts": "tests/bootstrap/launch/test_run.py::test_it_hands_over",
    "shared/programs/lazy/compiling.py:serve": "tests/installer/release/test_bytecode.py::test_all_that_the_application_imports",
    "shared/programs/scanners/run_picklescan.py:main": "tests/shared/programs/scanners/test_run_picklescan.py::test_files",
    "shared/programs/scanners/run_safety.py:main": "tests/builder/advisories/test_agreement.py::test_whole_export",
    "shared/programs/imports/compile_imports.py:": (
        "tests/installer/release/test_bytecode.py::test_all_that_the_application_imports"
    ),
    "shared/programs/imports/import_modules.py:main": "tests/installer/release/test_acceptance.py::test_imports_end",
    "shared/programs/scripts/query_dashboard.py:main": (
        "tests/validator/checks/application/test_dashboard.py::test_a_page_that_answers"
    ),
    "installer/layout/prefix.py:Prefix.named": f"{BOOT}::test_the_names_of_releases",
    "installer/release/receipt.py:parse": f"{BOOT}::test_receipts",
    "installer/layout/seal.py:receipt_sha256": f"{BOOT}::test_marks",
    "installer/release/signed.py:_is_of_another": f"{BOOT}::test_what_launchers_start_by",
    "installer/trust/memory.py:_parse": f"{BOOT}::test_memories",
    "builder/advisories/entries.py:read_entries": f"{BUILD}::test_templates_of_entries",
    "builder/assemble/differences.py:_parts": "tests/builder/test_rebuild.py::test_each_difference",
    "builder/models/hub.py:stored_listing": f"{BUILD}::test_listings_of_models",
    "builder/backends/backend.py:_answer": "tests/builder/backends/test_backend.py::test_requirements_are_resolved_once",
    "builder/backends/backend.py:_prefixes": "tests/builder/backends/test_backend.py::test_a_build_sees_no_key",
    "builder/backends/enclosed.py:": "tests/builder/backends/test_backend.py::test_a_build_sees_no_key",
    "builder/backends/pep517.py:": "tests/builder/backends/test_backend.py::test_requirements_are_resolved_once",
    "builder/zipapp/pack.py:make_bare": "tests/test_build_zipapp.py::test_two_builds_are_the_same_bytes",
    "builder/rebuild.py:_choices": f"{BUILD}::test_a_provenance_of_the_largest_manifest",
    "builder/signing/release.py:read_release": "tests/builder/signing/test_release.py::test_a_second_signature_changes",
    "builder/wheels/builds.py:_read_record": f"{BUILD}::test_records_of_wheels_that_were_built",
    "installer/layout/journal.py:is_damaged": f"{BOOT}::test_journals",
    "validator/checks/performance/measured.py:read_last": f"{VALID}::test_measurements",
    "validator/report.py:parse_report": f"{VALID}::test_reports",
    "fleet/statement.py:parse": "tests/fleet_report/test_statement.py::test_what_is_written_is_read",
    "fleet/memory.py:read": "tests/fleet_report/test_collect.py::test_memory_never_becomes_lower_and_is_read_again",
    "fleet/enrolling.py:read_key": "tests/installer/logs/test_statements.py::test_from_the_key_to_the_table",
    "installer/logs/statement_key.py:_last": "tests/installer/logs/test_statements.py::test_from_the_key_to_the_table",
}
# a reader of what others write → who does
OTHERS = {
    "bundle/strict.py:parse": "the one reader that all others use",
    "bundle/product/weights.py:_of_safetensors": "models",
    "bundle/embedding.py:embedding_in": "applications",
    "bundle/wheels/files.py:_entry_scripts": "wheels",
    "bundle/wheels/structure.py:_check_entry_points": "wheels",
    "builder/advisories/records.py:parse_record": "OSV",
    "builder/evidence/native.py:_read": "wheels",
    "builder/wheels/attesting/attestation_trust.py:_own_root": "sigstore",
    "builder/wheels/attesting/attestation_trust.py:_usable": "sigstore",
    "builder/wheels/attesting/provenance_object.py:_predicate": "package indexes",
    "builder/advisories/signals/catalogues.py:read_kev": "CISA",
    "builder/backends/build_system.py:read_build_system": "people",
    "builder/backends/requirements.py:_compiled": "uv",
    "builder/lock/export.py:parse_export": "uv",
    "builder/lock/folders.py:with_versions": "uv",
    "builder/lock/folders.py:needs_in": "uv",
    "builder/lock/folders.py:_is_dynamic": "people",
    "builder/project/own_wheel.py:read_scripts": "wheels",
    "builder/project/model_source.py:_embedding": "people",
    "builder/models/whole.py:_document": "models",
    "builder/evidence/sbom.py:write_sbom": "cyclonedx",
    "builder/fetch/simple_index.py:SimpleIndex.page": "package indexes",
    "builder/project/toml_file.py:parse_toml": "people",
    "validator/plugins.py:Plugin.answer": "plugins",
    "validator/plugins.py:_entry_points": "wheels",
    "validator/trials/trial.py:parsed": "applications",
}


def readers() -> set[str]:
    """Return ``file:function`` of everything that parses a document."""
    found = set()

    def walk(node: ast.AST, file: str, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = name
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                inner = f"{name}.{child.name}".lstrip(".")
            if isinstance(child, ast.Attribute) and isinstance(child.value, ast.Name):
                call = child.value.id, child.attr
                if call in CALLS or (child.attr == "from_bytes" and child.value.id != "int"):
                    found.add(f"{file}:{inner}")
            walk(child, file, inner)

    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if any(word in text for word in WORDS):
                walk(ast.parse(text), path.relative_to(ROOT).as_posix(), "")
    return found


def test_every_reader_is_in_the_table_and_nothing_else_is() -> None:
    assert readers() == OURS.keys() | OTHERS.keys()
    assert not OURS.keys() & OTHERS.keys()


@pytest.mark.parametrize("test", sorted(set(OURS.values())))
def test_every_pair_has_its_test(test) -> None:
    file, _colons, name = test.partition("::")
    assert re.search(rf"(?m)^def {name}", (ROOT / file).read_text(encoding="utf-8"))
