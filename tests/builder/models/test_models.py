from __future__ import annotations

import hashlib
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from builder.fetch.cache import Cache, HashMismatchError
from builder.fetch.fetching import Fetching
from builder.models import models
from builder.models.models import ModelSpec, collect_model, parse_model_spec
from builder.project.model_source import ModelSource
from bundle import digest
from shared.errors import BuildError, UsageError
from shared.terminal.progress import NoProgress
from tests.servers import Faults, serve_hub

ROOT = Path(__file__).parents[3]
HEADER = b'{"w":{"dtype":"U8","shape":[300000],"data_offsets":[0,300000]}}'
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + random.Random(1).randbytes(300_000)
FILES = {
    "config.json": b'{"hidden": 3}\n',
    "model.safetensors": WEIGHTS,
    "onnx/model.onnx": random.Random(2).randbytes(5_000),
}
CUT = 100_000
TOKEN = "hf_notarealtoken"


class Told(NoProgress):
    def __init__(self):
        self.warnings, self.steps = [], []

    def warn(self, text):
        self.warnings.append(text)

    def step(self, text):
        self.steps.append(text)


@pytest.fixture(autouse=True)
def no_settings_of_the_shell(monkeypatch, tmp_path):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture
def hub(monkeypatch):
    with serve_hub(FILES) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.site.url)
        yield hub


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def collect(cache, spec="hf:org/model@main", progress=None, *, offline=False, **patterns):
    fetching = Fetching(cache, progress or Told(), offline, pause=lambda _seconds: None)
    return collect_model(ModelSource("mini", spec, **patterns), fetching)


def refusal(cache, spec="hf:org/model@main", **patterns):
    with pytest.raises(BuildError) as caught:
        collect(cache, spec, **patterns)
    return caught.value


def contents(model):
    for file in model.files:
        data = file.source.read_bytes()
        assert (file.size, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    return {file.path: file.source.read_bytes() for file in model.files}


def write(folder, files):
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("path:models/mini", ModelSpec(None, Path("models/mini"))),
        ("bge-m3=path:/a b=c", ModelSpec("bge-m3", Path("/a b=c"))),
        ("hf:BAAI/bge-m3@main", ModelSpec(None, None, "BAAI/bge-m3", "main")),
        ("m=hf:gpt2@refs/pr/1", ModelSpec("m", None, "gpt2", "refs/pr/1")),
    ],
)
def test_a_model_is_named_by_folder_or_repository(text, spec):
    assert parse_model_spec(text) == spec


@pytest.mark.parametrize("text", ["", "path:", "hf:org/model", "hf:@main", "../x=path:a", "org/model", "hf:a/b/c@d"])
def test_what_names_no_model_is_refused(text):
    with pytest.raises(UsageError, match="is not a valid model source"):
        parse_model_spec(text)


@pytest.mark.parametrize(
    "faults",
    [
        Faults(),
        Faults(cut_after=CUT, cuts=2),
        Faults(cut_after=CUT, cuts=1, reset=True),
        Faults(cut_after=CUT, cuts=1, ranges=False),
        Faults(corrupt=1),
        Faults(busy=2),
    ],
)
def test_a_hub_with_passing_faults_gives_the_right_bytes(hub, cache, faults):
    hub.site.faults[hub.place("model.safetensors")] = replace(faults)
    model = collect(cache)
    assert contents(model) == FILES
    assert (model.name, model.repository, model.revision) == ("mini", "org/model", hub.commit)
    assert [file.path for file in model.files] == sorted(FILES)


def test_a_hub_that_is_busy_at_first_is_asked_again(hub, cache):
    hub.site.faults["/api/models/org/model/revision/main"] = Faults(busy=3)
    assert contents(collect(cache)) == FILES


def test_a_branch_is_resolved_to_its_commit_and_said_and_a_commit_is_not(hub, cache):
    reported = Told()
    collect(cache, progress=reported)
    assert reported.steps == [f"org/model: main is commit {hub.commit}"]
    collect(cache, f"hf:org/model@{hub.commit}", progress=reported)
    assert len(reported.steps) == 1


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_wrong_bytes_are_refused_in_large_files_and_small(hub, cache, file):
    hub.faults(file).corrupt = 100
    error = refusal(cache)
    assert isinstance(error, HashMismatchError)
    assert f"Digest mismatch for org/model: {file}:" in error.what


def test_files_in_the_cache_are_not_fetched_again(hub, cache):
    collect(cache)
    before = len(hub.site.seen)
    assert contents(collect(cache)) == FILES
    assert not [seen for seen in hub.site.seen[before:] if "/resolve/" in seen.path]


def test_patterns_choose_files_and_those_that_match_nothing_are_told(hub, cache):
    reported = Told()
    model = collect(cache, progress=reported, include=("*.json", "onnx/", "*.gguf"), exclude=("config*",))
    assert contents(model) == {"onnx/model.onnx": FILES["onnx/model.onnx"]}
    assert reported.warnings == ["no file of model mini matches the pattern *.gguf"]
    assert "has no files that" in refusal(cache, include=("*.gguf",)).what


def test_folders_of_downloading_tools_stay_behind(cache, monkeypatch):
    with serve_hub({**FILES, ".cache/huggingface/download/a.json": b"x", "sub/.git/config": b"x"}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.site.url)
        assert contents(collect(cache)) == FILES


def test_a_missing_repository_or_revision_is_named(hub, cache):
    error = refusal(cache, "hf:org/other@main")
    assert "no model repository org/other" in error.what
    assert "HF_TOKEN" in error.advice
    unknown = Faults(status=404, headers={"X-Error-Code": "RevisionNotFound"})
    hub.site.faults["/api/models/org/model/revision/v9"] = unknown
    assert "org/model has no revision v9" in refusal(cache, "hf:org/model@v9").what


def test_a_hub_that_cannot_be_reached_is_named(cache, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
    assert "Cannot reach the model hub 127.0.0.1 for org/model" in refusal(cache).what


def test_network_settings_that_are_not_valid_are_told(hub, cache, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy")
    assert "HTTPS_PROXY" in refusal(cache).advice


def test_a_hub_that_redirects_without_end_is_told(hub, cache):
    place = "/api/models/org/model/revision/main"
    hub.site.faults[place] = Faults(redirect=place)
    assert "too many redirects" in refusal(cache).what


def test_an_endpoint_that_is_no_hub_is_told(hub, cache):
    hub.site.files["/api/models/org/model/revision/main"] = b"<html>log in</html>"
    error = refusal(cache)
    assert "is not that of a model hub" in error.what
    assert "HF_ENDPOINT" in error.advice


def test_the_token_goes_to_the_hub_alone_and_into_no_text(hub, cache, monkeypatch, caplog):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with serve_hub(FILES) as store, caplog.at_level(logging.DEBUG):
        place = store.place("model.safetensors")
        hub.faults("model.safetensors").redirect = f"{store.site.url}{place}?X-Signature=hidden"
        assert contents(collect(cache)) == FILES
        assert {seen.authorization for seen in hub.site.seen} == {f"Bearer {TOKEN}"}
        assert [seen.authorization for seen in store.site.seen] == [None]
        hub.faults("config.json").status = 403
        error = refusal(Cache(cache.root / "other"))
    for secret in (TOKEN, "hidden"):
        assert secret not in caplog.text + error.what + error.advice + repr(collect(cache))


@pytest.mark.parametrize("path", ["../evil", "/etc/passwd", "a\\b", "con.json", "dir/./x"])
def test_names_that_no_bundle_may_hold_are_refused(cache, monkeypatch, path):
    with serve_hub({**FILES, path: b"x"}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.site.url)
        assert "cannot be bundled" in refusal(cache).what
        assert not [seen for seen in hub.site.seen if "/resolve/" in seen.path]


def test_files_too_large_for_the_archive_are_refused_before_they_are_fetched(hub, cache, monkeypatch, tmp_path):
    monkeypatch.setattr(models, "FILE_SIZE_LIMIT", len(WEIGHTS))
    for spec in ("hf:org/model@main", f"path:{write(tmp_path / 'm', FILES)}"):
        error = refusal(cache, spec)
        assert "model.safetensors is too large" in error.what
        assert "shards" in error.advice
    assert not [seen for seen in hub.site.seen if "/resolve/" in seen.path]


@pytest.mark.parametrize(("files", "warned"), [(["model.safetensors"], True), (["model.gguf"], False)])
def test_pickles_beside_safetensors_are_told(cache, tmp_path, files, warned):
    folder = write(tmp_path / "m", dict.fromkeys((*files, "weights.bin", "old/a.ckpt"), WEIGHTS))
    reported = Told()
    collect(cache, f"path:{folder}", progress=reported)
    assert [("weights.bin" in text, "old/a.ckpt" in text) for text in reported.warnings] == [(True, True)] * warned


def test_a_folder_is_a_model_whose_revision_is_the_digest_of_its_sums(cache, tmp_path):
    folder = write(tmp_path / "mini-folder", {**FILES, ".git/config": b"x", ".cache/huggingface/a.metadata": b"x"})
    (folder / "link.json").symlink_to("config.json")
    model = collect(cache, f"path:{folder}")
    assert contents(model) == {**FILES, "link.json": FILES["config.json"]}
    assert model.repository == "path:mini-folder"
    (folder / "link.json").unlink()
    sums = digest.write_sums({path: hashlib.sha256(data).hexdigest() for path, data in FILES.items()})
    assert collect(cache, f"path:{folder}").revision == hashlib.sha256(sums).hexdigest()


def test_links_that_lead_out_and_files_that_are_none_are_refused(cache, tmp_path):
    folder = write(tmp_path / "m", FILES)
    (tmp_path / "blob").write_bytes(b"x")
    for target in ("../blob", "/etc/hostname", "nowhere", "onnx"):
        (folder / "weights.bin").symlink_to(target)
        error = refusal(cache, f"path:{folder}")
        assert str(folder / "weights.bin") in error.what
        assert "cp -rL" in error.advice
        (folder / "weights.bin").unlink()
    os.mkfifo(folder / "pipe")
    assert "pipe is not a regular file" in refusal(cache, f"path:{folder}").what
    assert contents(collect(cache, f"path:{folder}", exclude=("pipe",))) == FILES


def test_a_folder_that_is_missing_or_holds_what_cannot_travel_is_refused(cache, tmp_path):
    assert "does not exist" in refusal(cache, f"path:{tmp_path / 'none'}").what
    (tmp_path / "empty").mkdir()
    assert "has no files that" in refusal(cache, f"path:{tmp_path / 'empty'}").what
    assert "a:b" in refusal(cache, f"path:{write(tmp_path / 'm', {'a:b': b''})}").what
    assert "collide on some hosts" in refusal(cache, f"path:{write(tmp_path / 'n', {'a': b'', 'A': b''})}").what


FETCH = """
import sys
from pathlib import Path
from shared.terminal.progress import NoProgress
from builder.fetch.cache import Cache
from builder.fetch.fetching import Fetching
from builder.models.models import collect_model
from builder.project.model_source import ModelSource
from contextlib import contextmanager

class Loud(NoProgress):
    @contextmanager
    def task(self, text, total):
        yield self
    def advance(self, amount):
        print(amount, flush=True)

source = ModelSource("mini", "hf:org/model@main", include=("*.safetensors",))
collect_model(source, Fetching(Cache(Path(sys.argv[1])), Loud()))
"""


def test_a_killed_download_is_continued_by_the_next_process(hub, cache):
    hub.site.faults[hub.place("model.safetensors")] = Faults(cut_after=CUT, cuts=1, stall=threading.Event())
    argv = [sys.executable, "-c", FETCH, str(cache.root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT, text=True) as other:
        done = 0
        while done < CUT:
            done += int(other.stdout.readline())
        other.send_signal(signal.SIGKILL)
    assert contents(collect(cache)) == FILES
    _first, second = hub.site.requests(hub.place("model.safetensors"))
    assert int(second.range.removeprefix("bytes=").removesuffix("-")) > CUT / 2
