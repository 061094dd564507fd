from __future__ import annotations

import hashlib
import json
import tarfile
import uuid

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.pylock import Pylock

from builder.assemble import gather as story
from builder.evidence import licenses
from builder.evidence.licenses import card_license, spdx
from builder.evidence.sbom import model_url, package_url
from builder.fetch.credentials import redact
from builder.lock.lock import Lock
from builder.lock.locked import LockedWheel
from builder.members import member
from builder.models.models import CollectedModel
from builder.zipapp import pack
from tests.builder.evidence_project import build, make_project, stand_in

SBOM, PROVENANCE = "06_Verification/sbom.cdx.json", "06_Verification/provenance.json"
LICENSES = "05_Documentation/LICENCES.txt"


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    monkeypatch.setattr(pack, "build_zipapp", stand_in)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


def members(output) -> dict[str, bytes]:
    (archive,) = output.glob("*/*.tar.gz")
    with tarfile.open(archive) as file:
        return {info.name.partition("/")[2]: file.extractfile(info).read() for info in file}


@pytest.fixture
def files(tmp_path) -> dict[str, bytes]:
    assert build(make_project(tmp_path / "project"), tmp_path / "made" / "out", "--extra", "more") == 0
    return members(tmp_path / "made" / "out")


def test_the_bill_of_materials_is_valid_and_names_everything(files):
    text = files[SBOM].decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bom = json.loads(text)
    found = {component["bom-ref"]: component for component in bom["components"]}
    assert set(found) == {"package:given@1.0", "package:plain@2.0", "model:m", "installer"}
    given = found["package:given@1.0"]
    wheel = hashlib.sha256(files["02_Dependencies/wheels/given-1.0-py3-none-any.whl"]).hexdigest()
    assert given["hashes"] == [{"alg": "SHA-256", "content": wheel}]
    assert given["purl"] == "pkg:generic/given@1.0"  # it came from a path, no index vouches for it
    assert [one["expression"] for one in given["licenses"]] == ["MIT OR Apache-2.0"]
    assert found["package:plain@2.0"]["licenses"] == [{"license": {"name": "BSD"}}]  # no SPDX expression
    model = found["model:m"]
    assert (model["type"], model["licenses"][0]["expression"]) == ("machine-learning-model", "Apache-2.0")
    digests = {file["name"]: file["hashes"][0]["content"] for file in model["components"]}
    assert digests == {
        name: hashlib.sha256(files[f"07_Models/m/{name}"]).hexdigest() for name in ("README.md", "config.json")
    }
    carried = found["installer"]["components"]
    assert [component["purl"] for component in carried] == ["pkg:pypi/uv@0.13.9"]
    assert bom["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert bom["metadata"]["tools"]["components"][0]["name"] == "ragtrace-builder"
    assert uuid.UUID(bom["serialNumber"]).version == 5


def test_what_is_inside_a_wheel_is_listed_and_named_as_not_judged(tmp_path, monkeypatch):
    from builder.evidence import sbom
    from builder.evidence.native import Declared, Native

    inside = Native(
        (Declared("openssl", "4.0.3", "pkg:generic/openssl@4.0.3"), Declared("x", "", "")), ("y: not JSON",)
    )
    monkeypatch.setattr(sbom, "native_of", lambda path: {"uv-0.13.9": inside})
    assert build(make_project(tmp_path / "project"), tmp_path / "made" / "out", "--extra", "more") == 0
    text = members(tmp_path / "made" / "out")[SBOM].decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = {component["bom-ref"]: component for component in json.loads(text)["components"]}
    (uv,) = found["installer"]["components"]
    for one in (found["package:given@1.0"], uv):
        assert {part["name"]: part.get("purl") for part in one["components"]} == {
            "openssl": "pkg:generic/openssl@4.0.3",
            "x": None,
        }
        notes = [note["value"] for note in one["properties"] if note["name"] == "ragtrace:not-judged"]
        assert sorted(notes) == ["2 components inside: advisories are for packages of PyPI alone", "y: not JSON"]


def test_another_byte_gives_another_serial_number(tmp_path, files):
    project = make_project(tmp_path / "other")
    (project / "audited.py").write_text("print('ho')\n")
    assert build(project, tmp_path / "made2" / "out", "--extra", "more") == 0
    other = members(tmp_path / "made2" / "out")
    assert json.loads(other[SBOM])["serialNumber"] != json.loads(files[SBOM])["serialNumber"]


def test_the_inventory_holds_each_text_once(files):
    text = files[LICENSES].decode()
    assert text.count("Permission is hereby granted") == 1
    assert "given 1.0  MIT OR Apache-2.0  [1]\n" in text
    assert "plain 2.0  BSD  [1] [2]\n" in text
    assert "given 1.0: licenses/LICENSE\n  plain 2.0: COPYING\n" in text
    assert "Apache-2.0  [3]\n" in text
    assert "# A model" in text
    assert "\r" not in text


def test_the_provenance_has_the_form_of_in_toto_and_slsa(files):
    statement = json.loads(files[PROVENANCE])
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    named = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    wanted = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    del wanted["MANIFEST.json"], wanted[PROVENANCE]  # both hold this file's digest, or are it
    assert named == wanted
    definition = statement["predicate"]["buildDefinition"]
    parameters = definition["externalParameters"]
    assert parameters["extras"] == ["more"]
    assert parameters["models"][0].startswith("m=path:model@")
    assert parameters["source_date_epoch"] == 1_700_000_000
    inputs = {one["name"]: one["digest"] for one in definition["resolvedDependencies"]}
    assert {"uv.lock", "given-1.0-py3-none-any.whl", "m/config.json"} <= set(inputs)
    assert inputs["uv.lock"] == {"sha256": hashlib.sha256(files["03_Source/uv.lock"]).hexdigest()}
    assert statement["predicate"]["runDetails"]["builder"]["id"]


def test_no_path_of_the_machine_is_in_the_evidence(files, tmp_path):
    for path in (SBOM, PROVENANCE, LICENSES):
        assert str(tmp_path).encode() not in files[path]


def test_a_python_that_travels_is_named_with_its_files_and_licence(files, tmp_path, monkeypatch):
    python = tuple(
        member(f"01_Prerequisites/python/{path}", "interpreter", text)
        for path, text in (("bin/python3.11", b"ELF"), ("lib/python3.11/LICENSE.txt", b"PSF LICENSE AGREEMENT\n"))
    )
    monkeypatch.setattr(story, "add_python", lambda *_arguments: python)
    options = ("--extra", "more", "--with-python", "/somewhere/cpython.tar.gz")
    assert build(make_project(tmp_path / "with"), tmp_path / "made" / "with-out", *options) == 0
    found = members(tmp_path / "made" / "with-out")
    (platform,) = [one for one in json.loads(found[SBOM])["components"] if one["type"] == "platform"]
    assert (platform["name"], platform["version"]) == ("cpython", "3.11")
    assert [file["name"] for file in platform["components"]] == ["bin/python3.11", "lib/python3.11/LICENSE.txt"]
    assert "PSF LICENSE AGREEMENT" in found[LICENSES].decode()
    statement = json.loads(found[PROVENANCE])["predicate"]["buildDefinition"]
    assert statement["externalParameters"]["with_python"] == "cpython.tar.gz"
    assert python[0].entry.path in {one["name"] for one in statement["resolvedDependencies"]}


@pytest.mark.parametrize(
    ("text", "expression"),
    [("MIT", "MIT"), ("mit or apache-2.0", "MIT OR Apache-2.0"), ("BSD", None), ("", None), (None, None)],
)
def test_only_spdx_counts_as_spdx(text, expression):
    assert spdx(text) == expression


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: mit\n---\n", "MIT"),
        ('---\nlicense: "gemma"\n---\n', "gemma"),
        ("---\nlicense: other\nlicense_name: llama3\n---\n", "llama3"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\ntags: x\n---\nlicense: mit\n", None),  # the text below is not the front matter
        ("license: mit\n", None),
        ("", None),
    ],
)
def test_the_licence_of_a_model_card(card, licence):
    assert card_license(card) == licence


def test_a_text_without_an_end_is_not_read_whole(monkeypatch, tmp_path):
    monkeypatch.setattr(licenses, "TEXT_LIMIT", 10)
    assert build(make_project(tmp_path / "project"), tmp_path / "out") == 0
    assert "more than 10 bytes" in members(tmp_path / "out")[LICENSES].decode()


def test_where_packages_and_models_come_from(tmp_path):
    commit = "a" * 40
    packages = [
        {"name": "a", "version": "1", "vcs": {"type": "git", "url": "https://u:secret@h.test/a", "commit-id": commit}},
        {
            "name": "b",
            "version": "1",
            "wheels": [{"url": "https://h.test/b-1-py3-none-any.whl", "hashes": {"md5": "0"}}],
        },
    ]
    pylock = Pylock.from_dict({"lock-version": "1.0", "created-by": "tests", "packages": packages})
    lock = Lock(tmp_path, pylock, "0" * 64)
    purls = [package_url(LockedWheel(f"{n}-1-py3-none-any.whl", n, "1", "", None, ""), lock) for n in "ab"]
    assert "secret" not in purls[0].to_string()
    assert commit in purls[0].qualifiers["vcs_url"]
    assert purls[1].to_string() == "pkg:pypi/b@1"
    hub = model_url(CollectedModel("m", "BAAI/bge-m3", commit, ()))
    assert hub.to_string() == f"pkg:huggingface/BAAI/bge-m3@{commit}".replace(
        "BAAI/bge-m3", f"{hub.namespace}/{hub.name}"
    )
    assert (hub.namespace.lower(), hub.version) == ("baai", commit)
    assert redact("https://u:secret@h.test/a") == "https://h.test/a"
