"""Manifests that a signer vouched for and that are hostile or wrong: refused before anything is installed."""

from __future__ import annotations

import pytest

from bundle.manifest import NAME
from tests.hostile.kit import ARCHIVE, Draft

APP = "03_Source/app.py"


def entry(value, path=APP):
    return next(item for item in value["files"] if item["path"] == path)


def put(*path, to):
    """Return what sets one value of the manifest."""

    def change(value):
        *way, last = path
        for step in way:
            value = value[step]
        value[last] = to

    return change


def path_of(new):
    return lambda value: entry(value).update(path=new)


def more(path, kind="source"):
    def change(value):
        value["files"].append({"path": path, "size": 0, "sha256": "0" * 64, "kind": kind})
        value["totals"]["files"] += 1

    return change


def conflict(**changes):
    """Return what adds a conflict to the manifest."""
    whole = {"path": "bin/tool", "packages": ["tiny-lib", "tiny-math"], "winner": "tiny-lib", **changes}
    return lambda value: value.update(format=2, conflicts=[whole])


def raw(old, new):
    """Return what changes the signed bytes themselves."""
    return lambda draft: setattr(draft, "manifest", draft.manifest.replace(old, new, 1))


VALUES = [
    ("path-escapes", path_of("03_Source/../../../evil.py"), "'..' part"),
    ("path-absolute", path_of("/etc/evil"), "not a relative path"),
    ("path-dot", path_of("03_Source/./app.py"), "'.' or '..' part"),
    ("path-empty-part", path_of("03_Source//app.py"), "contains an empty"),
    ("path-backslash", path_of("03_Source\\app.py"), "a character that Windows does not allow"),
    ("path-drive", path_of("03_Source/C:app.py"), "a character that Windows does not allow"),
    ("path-stream", path_of("03_Source/app.py:evil"), "a character that Windows does not allow"),
    ("path-bidi", path_of("03_Source/\u202eyp.ppa"), "control or invisible"),
    ("path-zero-width", path_of("03_Source/app\u200b.py"), "control or invisible"),
    ("path-escape-code", path_of("03_Source/\x1b[2Japp.py"), "control character"),
    ("path-not-nfc", path_of("03_Source/\u1112\u1161\u11ab.py"), "normal form C"),
    ("path-reserved", path_of("03_Source/NUL.txt"), "reserved name on Windows"),
    ("path-ends-with-a-dot", path_of("03_Source/app.py."), "ends with a dot"),
    ("path-too-long", path_of("03_Source/" + "a" * 256), "has a name longer than 255"),
    ("path-too-deep", path_of("03_Source/" + "a/" * 64 + "a"), "nested in more than 63 folders"),
    ("path-long-in-format-1", path_of("03_Source/" + "a" * 120), "not in the canonical form"),
    ("path-of-another-kind", path_of("04_Scripts/app.py"), "not a valid location"),
    ("path-beside-the-folders", path_of("evil.py"), "not a valid location"),
    ("source-among-wheels", path_of("02_Dependencies/wheels/app.whl"), "not a valid location"),
    ("same-path-twice", more(APP), "collide on some hosts"),
    ("same-path-in-another-case", more("03_Source/APP.PY"), "collide on some hosts"),
    ("file-used-as-a-folder", more("03_Source/app.py/x"), "collide on some hosts"),
    ("wheel-of-no-package", more("02_Dependencies/wheels/evil-1-py3-none-any.whl", "wheel"), "must list one package"),
    ("kind-unknown", lambda value: entry(value).update(kind="evil"), "not one of"),
    ("size-negative", lambda value: entry(value).update(size=-1), "not between"),
    ("size-fraction", lambda value: entry(value).update(size=1.0), "not an integer"),
    ("size-true", lambda value: entry(value).update(size=True), "not an integer"),
    ("size-over-the-bound", lambda value: entry(value).update(size=8 << 30), "not between"),
    ("size-that-the-sum-lacks", lambda value: entry(value).update(size=1), "do not match the totals of the files"),
    ("digest-upper-case", lambda value: entry(value).update(sha256="A" * 64), "not 64 hex digits"),
    ("digest-short", lambda value: entry(value).update(sha256="0" * 40), "not 64 hex digits"),
    ("digest-of-another-algorithm", lambda value: entry(value).update(md5="0"), "unknown key"),
    ("no-files", lambda value: value.update(files=[], packages=[], models=[], totals={
        **value["totals"], "files": 0, "bytes": 0}), "files: empty"),
    ("format-2-of-nothing", put("format", to=2), "not in the canonical form"),
    ("format-3", put("format", to=3), "not between 1 and 2"),
    ("conflict-escapes", conflict(path="../../../../bin/sh"), "not a path inside the environment"),
    ("conflict-absolute", conflict(path="/bin/sh"), "not a path inside the environment"),
    ("conflict-backslash", conflict(path="Scripts\\..\\..\\x"), "not a path inside the environment"),
    ("conflict-on-a-drive", conflict(path="C:/x"), "not a path inside the environment"),
    ("conflict-of-one-package", conflict(packages=["tiny-lib"]), "fewer than two, not sorted"),
    ("conflict-won-by-a-stranger", conflict(winner="evil"), "not one of the packages"),
    ("conflict-twice", lambda value: (conflict()(value), value["conflicts"].append(value["conflicts"][0])),
     "conflicts: not sorted by path, or with duplicates"),
    ("conflict-in-format-1", lambda value: (conflict()(value), value.update(format=1)), "not in the canonical form"),
    ("conflicts-of-none", put("conflicts", to=[]), "not in the canonical form"),
    ("format-text", put("format", to="1"), "not an integer"),
    ("unknown-key", put("algorithm", to="none"), "unknown key"),
    ("key-missing", lambda value: value.pop("packages"), "missing"),
    ("counter-zero", put("product", "counter", to=0), "not between"),
    ("counter-huge", put("product", "counter", to=1 << 60), "not between"),
    ("name-escapes", put("product", "name", to="../evil"), "not a normalized name"),
    ("title-escapes", put("product", "title", to="../evil"), "letter or a digit first"),
    ("version-escapes", put("product", "version", to="1/../../evil"), "letter or a digit first"),
    ("time-of-another-form", put("created", to="yesterday"), "not a time of the form"),
    ("time-impossible", put("created", to="2026-02-30T12:00:00Z"), "not a time of the form"),
    ("launcher-escapes", put("application", "launchers", 0, "name", to="../../evil"), "not a valid command name"),
    ("launcher-starts-another-file", put("application", "launchers", 0, "target", to="../../evil.py"),
     "not a valid target for a launcher"),
    ("launcher-cwd", put("application", "launchers", 0, "cwd", to="/"), "not one of"),
    ("persist-escapes", put("application", "persist", to=["../../data"]), "'..' part"),
    ("persist-all", put("application", "persist", to=["."]), "is the whole source"),
    ("import-path-escapes", put("application", "import_paths", to=["../../.."]), "'..' part"),
    ("variable-with-a-newline", put("application", "environment", "values", to={"A": "x\ny"}), "control character"),
    ("variable-named-badly", put("application", "environment", "values", to={"A=B": "x"}), "not a valid variable name"),
    ("place-unknown", put("application", "environment", "values", to={"A": "{root}"}), "is not a known placeholder"),
    ("smoke-of-a-stranger", put("application", "smoke", to=[["rm", "-rf"]]), "not a launcher"),
    ("probe-of-a-stranger", put("models", 0, "probe", "command", to=["sh", "-c"]), "not a launcher"),
    ("model-escapes", put("models", 0, "name", to="../evil"), "letter or a digit first"),
    ("model-without-files", put("models", 0, "name", to="other"), "has no files"),
    ("package-of-another-wheel", put("packages", 0, "wheel", to="../evil.whl"), "packages: must list one"),
    ("package-twice", lambda value: value["packages"].append(value["packages"][0]), "not sorted by wheel"),
    ("platform-unknown", put("target", "platform", to="plan9"), "not one of"),
    ("glibc-absurd", put("target", "glibc", to="2.99999"), "not a glibc version"),
    ("patch-releases-reversed", put("python_range", to={"first": 9, "last": 3}), "not between"),
]  # fmt: skip
TEXTS = [
    ("key-twice", raw(b'{\n  "application"', b'{\n  "format": 1,\n  "application"'), "duplicate key"),
    ("not-a-number", raw(b'"format": 1', b'"format": NaN'), "is not a number"),
    ("infinite", raw(b'"tolerance": 0.001', b'"tolerance": Infinity'), "is not a number"),
    ("number-too-large", raw(b'"tolerance": 0.001', b'"tolerance": 1e999'), "not a number"),
    ("digits-without-end", raw(b'"format": 1', b'"format": ' + b"1" * 5000), "not JSON"),
    ("nested-deeply", lambda draft: setattr(draft, "manifest", b"[" * 200_000), "not JSON"),
    ("other-spaces", raw(b'"format": 1', b'"format":  1'), "not in the canonical form"),
    ("escaped-letters", raw(b'"tiny-app"', b'"\\u0074iny-app"'), "not in the canonical form"),
    ("text-behind", lambda draft: setattr(draft, "manifest", draft.manifest + b"{}"), "not JSON"),
    ("byte-order-mark", lambda draft: setattr(draft, "manifest", b"\xef\xbb\xbf" + draft.manifest), "not JSON"),
    ("not-utf-8", raw(b'"tiny-app"', b'"\xff"'), "not JSON"),
    ("half-a-character", raw(b'"MIT"', b'"\\ud800"'), "control character"),
    ("a-list", lambda draft: setattr(draft, "manifest", b"[]\n"), "not an object"),
    ("empty", lambda draft: setattr(draft, "manifest", b""), "not JSON"),
]
# these are well-formed: verify has nothing against their form, an installation has
HOSTS = [
    ("another-python", put("target", "python", to="3.9"), "the bundle is for Python 3.9"),
    ("no-patch-release-fits", put("python_range", to={"first": 98, "last": 99}), "patch releases 98 to 99"),
    ("a-glibc-of-the-future", put("target", "glibc", to="2.99"), "the bundle requires 2.99"),
    ("larger-than-any-disk", put("totals", "installed_bytes", to=1 << 53), "needed"),
    ("older-than-installed", put("product", "counter", to=1), "older"),
    ("another-product", put("product", "name", to="other-app"), "is an installation of tiny-app"),
]
CASES = [*((name, lambda draft, change=change: draft.change_manifest(change), reason)
           for name, change, reason in VALUES), *TEXTS]  # fmt: skip


@pytest.mark.usefixtures("no_uv")
@pytest.mark.parametrize(("change", "reason"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_hostile_manifest_is_refused(host, draft: Draft, capsys, change, reason) -> None:
    change(draft)
    draft.parts[0].data = draft.manifest
    draft.write(ARCHIVE)
    host.refuses(capsys, draft.folder, reason)


@pytest.mark.usefixtures("no_uv")
@pytest.mark.parametrize(("change", "reason"), [case[1:] for case in HOSTS], ids=[case[0] for case in HOSTS])
def test_a_manifest_for_another_host_or_prefix_is_refused(host, draft: Draft, capsys, change, reason) -> None:
    draft.change_manifest(change)
    draft.write(ARCHIVE)
    host.refuses(capsys, draft.folder, reason, "install")


def test_the_list_is_long_enough() -> None:
    assert len(CASES) + len(HOSTS) >= 20
    assert len({case[0] for case in (*CASES, *HOSTS)}) == len(CASES) + len(HOSTS)


def test_the_manifest_unchanged_is_accepted(host, draft: Draft, capsys) -> None:
    draft.change_manifest(lambda value: None)
    assert draft.manifest == draft.contents[NAME]
    draft.write(ARCHIVE)
    ended = host.run(capsys, "verify", draft.folder)
    assert ended.code == 0, ended.text
