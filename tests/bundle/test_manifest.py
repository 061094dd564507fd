import json
from dataclasses import replace
from pathlib import Path

import pytest

from bundle import strict
from bundle.manifest import FILE_SIZE_LIMIT, FileEntry, Package, parse_manifest
from bundle.product.model import Model, Probe
from bundle.target import Target
from shared.errors import TrustError
from tests.bundles import CONTENTS, WHEEL, entry, make_manifest


def test_round_trip():
    for manifest in (
        make_manifest(),
        make_manifest(python_range=(0, 3), source_commit=None),
        make_manifest(models=(), target=Target("windows", "amd64", "3.13")),
        make_manifest(models=(Model("tiny", "demo/tiny", "main", None),)),
    ):
        assert parse_manifest(manifest.to_bytes()) == manifest


def test_names_that_follow_from_it():
    manifest = make_manifest()
    assert manifest.root == "Demo-App-Enterprise-Offline"
    assert manifest.archive == "Demo-App-Enterprise-linux-x86_64.tar.gz"
    assert manifest.folder == "demo-app-1.0.0-linux-x86_64-cp311"
    assert manifest.created_epoch == 1769860800
    assert manifest.total_bytes == sum(len(data) for _kind, data in CONTENTS.values())
    assert [found.inner for found in manifest.of_kind("source")] == ["app.py", "data/질문.csv"]
    assert [found.inner for found in manifest.of_kind("wheel")] == ["demo_lib-1.2.0-py3-none-any.whl"]
    assert manifest.entry(WHEEL) == entry(WHEEL, *CONTENTS[WHEEL])
    assert manifest.entry("nothing") is None


def test_modes():
    scripts = {"install.sh": 0o755, "install.py": 0o755, "install.bat": 0o644}
    for name, mode in scripts.items():
        assert entry(f"04_Scripts/{name}", "script", b"").mode == mode
    assert entry("03_Source/run.sh", "source", b"").mode == 0o644


def refuse(data):
    with pytest.raises(TrustError) as caught:
        parse_manifest(data)
    assert caught.value.advice
    return caught.value.what


def refusal(*path_and_value):
    """Replace one value in the JSON of a good manifest; the totals follow the files."""
    value = json.loads(make_manifest().to_bytes())
    *path, last, new = path_and_value
    inner = value
    for step in path:
        inner = inner[step]
    inner[last] = new
    if "totals" not in path_and_value and isinstance(value["files"], list):
        value["totals"]["files"] = len(value["files"])
        sizes = [item.get("size", 0) for item in value["files"] if isinstance(item, dict)]
        value["totals"]["bytes"] = sum(size for size in sizes if isinstance(size, int) and size >= 0)
    return refuse(strict.dumps(value))


FILE = json.loads(make_manifest().to_bytes())["files"][0]
PROBE = {"command": ["demo"], "sentence": "x", "embedding": [1.0], "tolerance": 0.1, "batch": []}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("format", 0), "MANIFEST.json.format: not between 1 and 2"),
        (("format", 3), "MANIFEST.json.format: not between 1 and 2"),
        (("format", 2), "MANIFEST.json: not in the canonical form"),
        (("extra", 1), "MANIFEST.json.extra: unknown key"),
        (("product", "name", "Demo_App"), "MANIFEST.json.product.name: not a normalized name"),
        (("product", "title", "../x"), "MANIFEST.json.product.title: letters, digits"),
        (("product", "title", "x" * 65), "MANIFEST.json.product.title: letters, digits"),
        (("product", "version", "1/2"), "MANIFEST.json.product.version: letters, digits"),
        (("product", "counter", 0), "MANIFEST.json.product.counter: not between"),
        (("product", "extra", 1), "MANIFEST.json.product.extra: unknown key"),
        (("target", "python", "2.7"), "MANIFEST.json.target.python: not one of"),
        (("python_range", {"first": 3, "last": 2}), "MANIFEST.json.python_range.last: not between 3 and 99"),
        (("python_range", {"first": 0, "last": 100}), "MANIFEST.json.python_range.last: not between"),
        (("python_range", {"first": 0, "last": 1, "x": 1}), "MANIFEST.json.python_range.x: unknown key"),
        (("created", "2026-02-30T00:00:00Z"), "MANIFEST.json.created: not a time"),
        (("created", "today"), "MANIFEST.json.created: not a time"),
        (("lock_sha256", "0"), "MANIFEST.json.lock_sha256: not 64 hex digits"),
        (("source_commit", ""), "MANIFEST.json.source_commit: empty"),
        (("files", []), "MANIFEST.json.files: empty"),
        (("files", {}), "MANIFEST.json.files: not a list"),
        (("files", 3, "sha256", "z" * 64), "MANIFEST.json.files[3].sha256: not 64 hex digits"),
        (("files", 3, "size", -1), "MANIFEST.json.files[3].size: not between"),
        (("files", 3, "size", 1.0), "MANIFEST.json.files[3].size: not an integer"),
        (("files", 3, "size", FILE_SIZE_LIMIT), "MANIFEST.json.files[3].size: not between"),
        (("files", 3, "kind", "other"), "MANIFEST.json.files[3].kind: not one of"),
        (("files", 3, "extra", 1), "MANIFEST.json.files[3].extra: unknown key"),
        (("files", 3, "path", "03_Source/../../x"), "MANIFEST.json.files[3].path: "),
        (("files", 3, "path", "/etc/passwd"), "MANIFEST.json.files[3].path: "),
        (
            ("files", 3, "path", "03_Source"),
            "MANIFEST.json.files[3].path: not a valid location for a file of kind source",
        ),
        (
            ("files", 3, "path", "03_Sources/x"),
            "MANIFEST.json.files[3].path: not a valid location for a file of kind source",
        ),
        (
            ("files", 3, "path", "04_Scripts/x"),
            "MANIFEST.json.files[3].path: not a valid location for a file of kind source",
        ),
        (
            ("files", 0, "path", "02_Dependencies/wheels/x.whl"),
            "MANIFEST.json.files[0].path: not a valid location for a file of kind lock",
        ),
        (
            ("files", 3, "path", "03_Source/APP.py"),
            "MANIFEST.json.files: 03_Source/app.py and 03_Source/APP.py collide",
        ),
        (("files", 3, "path", "03_Source/app.py/x"), "MANIFEST.json.files: 03_Source/app.py and"),
        (("files", [FILE, FILE]), "MANIFEST.json.files: "),
        (("files", 3, "path", "03_Source/" + "d" * 145 + "/x"), "MANIFEST.json: not in the canonical form"),
        (("files", 3, "path", "03_Source/" + "d" * 256), "MANIFEST.json.files[3].path: '03_Source/ddd"),
        (("packages", 0, "name", "Demo"), "MANIFEST.json.packages[0].name: not a normalized name"),
        (("packages", 0, "version", ""), "MANIFEST.json.packages[0].version: empty"),
        (("packages", 0, "licence", "\ud800"), "MANIFEST.json"),
        (("packages", 0, "extra", 1), "MANIFEST.json.packages[0].extra: unknown key"),
        (
            ("packages", 0, "wheel", "03_Source/app.py"),
            "MANIFEST.json.packages: must list one package for each wheel, and no others",
        ),
        (("packages", []), "MANIFEST.json.packages: must list one package for each wheel, and no others"),
        (("models", 0, "name", "other"), "MANIFEST.json.models[0]: other has no files"),
        (("models", 0, "name", "ti"), "MANIFEST.json.models[0]: ti has no files"),
        (("models", 0, "name", ".."), "MANIFEST.json.models[0].name: letters, digits"),
        (("models", 0, "extra", 1), "MANIFEST.json.models[0].extra: unknown key"),
        (("models", 0, "probe", {**PROBE, "command": []}), "MANIFEST.json.models[0].probe: needs a command"),
        (("models", 0, "probe", {**PROBE, "command": ["sh"]}), "MANIFEST.json.models[0].probe.command[0]: sh is not"),
        (("models", 0, "probe", {**PROBE, "batch": ["sh"]}), "MANIFEST.json.models[0].probe.batch[0]: sh is not"),
        (("models", 0, "probe", {**PROBE, "embedding": []}), "MANIFEST.json.models[0].probe: needs"),
        (
            ("models", 0, "probe", {**PROBE, "dimension": 7}),
            "MANIFEST.json.models[0].probe: the embedding does not match",
        ),
        (("models", 0, "probe", {**PROBE, "normalised": 1}), "MANIFEST.json.models[0].probe.normalised: not true or"),
        (("models", 0, "probe", {**PROBE, "embedding": [0.1, True]}), "MANIFEST.json.models[0].probe.embedding[1]: "),
        (("models", 0, "probe", {**PROBE, "embedding": [1e7]}), "MANIFEST.json.models[0].probe.embedding[0]: "),
        (("models", 0, "probe", {**PROBE, "tolerance": 0}), "MANIFEST.json.models[0].probe: needs"),
        (("models", 0, "probe", {**PROBE, "tolerance": 1.0}), "MANIFEST.json.models[0].probe: needs"),
        (("models", 0, "probe", {**PROBE, "x": 1}), "MANIFEST.json.models[0].probe.x: unknown key"),
        (("application", "smoke", [["sh"]]), "MANIFEST.json.application.smoke[0]: sh is not a launcher"),
        (("totals", "files", 1), "MANIFEST.json.totals: do not match"),
        (("totals", "bytes", 1), "MANIFEST.json.totals: do not match"),
        (("totals", "installed_bytes", -1), "MANIFEST.json.totals.installed_bytes: not between"),
        (("totals", "extra", 1), "MANIFEST.json.totals.extra: unknown key"),
    ],
)
def test_refusals_name_their_path(change, what):
    if change == ("packages", 0, "licence", "\ud800"):
        data = make_manifest().to_bytes().replace(b'"MIT"', b'"\\ud800"')
        assert refuse(data).startswith("MANIFEST.json.packages[0].licence: contains a control character")
        return
    assert refusal(*change).startswith(what)


def test_packages_stand_once_in_the_order_of_their_wheels():
    manifest = make_manifest()
    other = "02_Dependencies/wheels/aaa-1.0-py3-none-any.whl"
    files = (*manifest.files, entry(other, "wheel", b"x"))
    first, second = manifest.packages[0], Package("aaa", "1.0", other, None)
    assert parse_manifest(replace(manifest, files=files, packages=(second, first)).to_bytes())
    for packages in ((first, second), (second, second, first)):
        assert "not sorted by wheel" in refuse(replace(manifest, files=files, packages=packages).to_bytes())
    twin = replace(second, name=first.name)
    assert "duplicate package" in refuse(replace(manifest, files=files, packages=(twin, first)).to_bytes())


def test_a_model_stands_once():
    model = make_manifest().models[0]
    assert "models: duplicate model" in refuse(make_manifest(models=(model, model)).to_bytes())


def test_the_manifest_itself_is_not_among_the_files():
    # its kind's folder makes that impossible, whatever the case of the letters
    files = (*make_manifest().files, FileEntry("manifest.JSON", 0, "0" * 64, "document"))
    assert "not a valid location" in refuse(make_manifest(files=files).to_bytes())


def test_only_one_way_to_write_it():
    data = make_manifest().to_bytes()
    value = json.loads(data)
    for other in (
        data.rstrip(b"\n"),
        data + b" ",
        data.replace(b"  ", b"\t"),
        json.dumps(value, sort_keys=True).encode(),
        json.dumps(value, indent=2, sort_keys=True).encode() + b"\n",
        (json.dumps(dict(reversed(value.items())), indent=2, ensure_ascii=False) + "\n").encode(),
        data.replace(b"0.001", b"1e-3"),
        data.replace(b"0.5,", b"0.50,"),
    ):
        assert other != data
        assert refuse(other) == "MANIFEST.json: not in the canonical form that is signed."


def test_probe_embedding_survives_exactly():
    embedding = (0.1, -0.0, 1e-30, 1 / 3)
    manifest = make_manifest(models=(Model("tiny", "demo/tiny", "main", Probe(("demo",), "s", embedding, 0.001)),))
    assert parse_manifest(manifest.to_bytes()).models[0].probe.embedding == embedding


@pytest.mark.parametrize("step", [1, 7])
def test_a_manifest_that_is_cut_short(step):
    data = make_manifest().to_bytes()
    for length in range(0, len(data), 97 * step):
        refuse(data[:length])


def test_a_manifest_of_before_is_read_and_written_as_it_was() -> None:
    """A host keeps releases that were installed by former tools, goes back to them, and repairs them."""
    data = (Path(__file__).parent / "former_manifest.json").read_bytes()
    assert parse_manifest(data).to_bytes() == data
