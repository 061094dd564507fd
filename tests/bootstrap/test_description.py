import json

from bootstrap import cli
from bootstrap.bundle.opening import open_bundle
from bootstrap.bundle.policy import pins
from bootstrap.description import describe, lines
from bootstrap.trust.authority import read_key
from tests.tiny import COUNTER, KEY


def test_it_says_who_when_what_and_what_for(tiny):
    key = read_key(str(tiny.key))
    facts = describe(open_bundle(tiny.folder, pins([key])))
    assert facts["signers"] == [
        {"fingerprint": key.fingerprint, "keyid": key.keyid, "type": "ssh-ed25519", "name": key.keyid}
    ]
    assert (facts["built_claimed"], facts["product"]["counter"]) == ("2026-01-31T12:00:00Z", COUNTER)
    assert [package["name"] for package in facts["packages"]] == ["tiny-lib", "tiny-math", "tiny-text", "tiny-unused"]
    assert [model["name"] for model in facts["models"]] == ["tiny"]
    effects = facts["effects"]
    assert (effects["commands"], effects["settings_required"]) == (["tiny", "tiny-version"], [KEY])
    assert (effects["installed_bytes"], effects["kept_folders"]) == (200_000, ["data"])
    assert effects["runs_when_installing"] == [["tiny", "--help"]]
    assert 0 < effects["store_bytes"] <= facts["bytes"]
    json.dumps(facts)


def test_it_is_told_to_people(tiny):
    key = read_key(str(tiny.key))
    bundle = open_bundle(tiny.folder, pins([key]))
    text = "\n".join(lines(describe(bundle), prefix="/opt/tiny"))
    for part in (
        f"signed by {key.fingerprint} ({key.keyid})",
        "built (claimed) 2026-01-31",
        "/opt/tiny",
        "tiny-version",
    ):
        assert part in text
    assert "model tiny from tiny/tiny at main" in text


def test_who_was_not_judged_has_no_name(tiny):
    facts = describe(open_bundle(tiny.folder, pins([read_key(str(tiny.key))])), judged=False)
    assert facts["signers"][0]["name"] is None
    assert "(not judged)" in "\n".join(lines(facts))


def test_verify_tells_where_it_would_go(tiny, host, tmp_path, capsys):
    where = ["--prefix", str(tmp_path / "there"), "--trust-key", str(tiny.key)]
    assert cli.main(["verify", str(tiny.folder), "--json", "--quiet", *where]) == 0
    assert json.loads(capsys.readouterr().out)["prefix"] == str(tmp_path / "there")
    assert cli.main(["verify", str(tiny.folder), *where]) == 0
    assert str(tmp_path / "there") in capsys.readouterr().out
    assert not (tmp_path / "there").exists()
