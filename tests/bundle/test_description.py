import json
import os

from bootstrap import cli
from bootstrap.commands import common
from bundle.description import describe, lines
from bundle.opening import open_bundle
from bundle.product.application import Migration
from bundle.signing.policy import pins
from installer.release import acceptance, bytecode
from installer.trust.authority import read_key
from installer.trust.stores import host_trust_stores
from shared.processes import process
from shared.programs.uv import base_interpreter
from tests.helpers import install_opened
from tests.tiny import COUNTER, KEY, install_tiny, tiny_bundle


def test_it_says_who_when_what_and_what_for(tiny):
    key = read_key(str(tiny.key))
    bundle = open_bundle(tiny.folder, pins([key]))
    facts = describe(bundle)
    assert facts["signers"] == [
        {"fingerprint": key.fingerprint, "keyid": key.keyid, "type": "ssh-ed25519", "name": key.keyid}
    ]
    assert (facts["built_claimed"], facts["product"]["counter"]) == ("2026-01-31T12:00:00Z", COUNTER)
    assert [package["name"] for package in facts["packages"]] == ["tiny-lib", "tiny-math", "tiny-text", "tiny-unused"]
    assert [model["name"] for model in facts["models"]] == ["tiny"]
    effects = facts["effects"]
    assert (effects["commands"], effects["settings_required"]) == (["tiny", "tiny-version"], [KEY])
    manifest = bundle.manifest
    assert (effects["installed_bytes"], effects["kept_folders"]) == (manifest.installed_bytes, ["data"])
    probe = manifest.models[0].probe
    assert effects["imports_when_installing"] == list(manifest.application.core_imports)
    assert effects["runs_when_installing"] == [["tiny", "--help"], [*probe.command, probe.sentence]]
    assert effects["migrates_data_with"] is None
    assert 0 < effects["store_bytes"] <= facts["bytes"]
    json.dumps(facts)


def test_it_is_told_to_people(tiny):
    key = read_key(str(tiny.key))
    bundle = open_bundle(tiny.folder, pins([key]))
    text = "\n".join(lines({**describe(bundle), "writes": ["/opt/tiny", "/var/log"]}))
    for part in (
        f"signed by {key.fingerprint} ({key.keyid})",
        "built (claimed) 2026-01-31",
        "write to /opt/tiny, /var/log",
        "tiny-version",
        "import as a health check: tiny_lib, tiny_math",
        "tiny --help; tiny embed hello",
    ):
        assert part in text
    assert "model tiny from tiny/tiny at main" in text


def test_who_was_not_judged_has_no_name(tiny):
    facts = describe(open_bundle(tiny.folder, pins([read_key(str(tiny.key))])), judged=False)
    assert facts["signers"][0]["name"] is None
    assert "(trust not checked)" in "\n".join(lines(facts))


def test_verify_tells_where_it_would_go(tiny, host, tmp_path, capsys):
    where = ["--prefix", str(tmp_path / "there"), "--trust-key", str(tiny.key)]
    assert cli.main(["verify", str(tiny.folder), "--json", "--quiet", *where]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["prefix"] == facts["writes"][0] == str(tmp_path / "there")
    assert facts["writes"][1:] == [str(host_trust_stores().own), str(common.user_logs())]
    assert cli.main(["verify", str(tiny.folder), *where]) == 0
    assert str(tmp_path / "there") in capsys.readouterr().out
    assert not (tmp_path / "there").exists()


def test_what_installing_runs_is_all_foretold(tmp_path, monkeypatch):
    migration = Migration(1, ("tiny", "--help", "migrated"))
    prefix = install_tiny(tiny_bundle(tmp_path / "a", key=None), tmp_path / "prefix")
    (prefix.data / "data").mkdir(exist_ok=True)
    (prefix.data / "data" / "mine.txt").write_text("mine")
    bundle = tiny_bundle(tmp_path / "b", counter=COUNTER + 1, migration=migration).open()
    effects, real, ran = describe(bundle)["effects"], process.run, []

    def noted(argv, **options):
        ran.append(list(argv))
        return real(argv, **options)

    monkeypatch.setattr(process, "run", noted)
    install_opened(bundle, prefix)
    own = [argv for argv in ran if os.path.basename(argv[0]) not in ("uv", "try")]  # ours; the rest is the bundle's
    asked = [argv[argv.index(acceptance.IMPORT) + 1] for argv in own if acceptance.IMPORT in argv]
    second = [argv for argv in own if acceptance.COMPILE in argv]
    assert effects["imports_what_source_imports"] == bool(second)
    imported = [json.loads(names) for names in asked]
    assert imported
    assert all(names == effects["imports_when_installing"] for names in imported)
    reported = [*effects["runs_when_installing"], effects["migrates_data_with"]]
    # the compiler and the trial of the host's Python are ours, and load nothing of the bundle
    compiler = [argv for argv in own if bytecode.COMPILE in argv]
    assert [argv[1:4] for argv in compiler] == [["-I", "-S", "-B"]]
    trial = [str(base_interpreter()), "-I", "-B", "-c", ""]
    started = [argv for argv in own if acceptance.IMPORT not in argv and argv not in [*compiler, *second, trial]]
    assert all(any(argv[-len(rest) :] == rest for _name, *rest in reported) for argv in started), started
    assert all(any(argv[-len(rest) :] == rest for argv in started) for _name, *rest in reported), reported
