"""What a bundle is built for, as real locks of the pytorch indexes tell it."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
import uv

from builder import cli
from builder.lock.accelerators import accelerator_of
from builder.lock.export import uv_environment
from builder.lock.lock import Selection
from builder.lock.locked import LockedWheel
from builder.lock.targets import Standing
from builder.project.profile import Profile
from builder.request.accelerators import application_for, require_accelerators
from bundle.product.accelerator import Accelerator
from bundle.product.application import Application
from bundle.target import parse_target
from shared.errors import BuildError, TrustError
from tests.wheels import make_wheel

PYTORCH = """\
[project]
name = "app"
version = "1.0"
requires-python = ">=3.9"
[project.scripts]
app = "app:main"
[project.optional-dependencies]
cpu = ["torch>=2.6"]
cu124 = ["torch>=2.6"]
[tool.uv]
conflicts = [[{ extra = "cpu" }, { extra = "cu124" }]]
[tool.uv.sources]
torch = [{ index = "pytorch-cpu", extra = "cpu" }, { index = "pytorch-cu124", extra = "cu124" }]
[[tool.uv.index]]
name = "pytorch-cpu"
url = "../cpu"
format = "flat"
explicit = true
[[tool.uv.index]]
name = "pytorch-cu124"
url = "../cu124"
format = "flat"
explicit = true
"""


def wheels(*packages: str) -> list[LockedWheel]:
    pairs = [package.split("==") for package in packages]
    return [
        LockedWheel(f"{name}-{version}-py3-none-any.whl", name, version, "https://x", 1, "0" * 64)
        for name, version in pairs
    ]


@pytest.mark.parametrize(
    ("packages", "found"),
    [
        (("torch==2.6.0+cpu", "numpy==2.0.0"), "CPU"),
        (("torch==2.6.0+cu124", "nvidia-cuda-runtime-cu12==12.4.127"), "CUDA 12.4"),
        (("torch==2.6.0", "nvidia-cuda-runtime-cu12==12.4.127", "nvidia-nccl-cu12==2.21.5"), "CUDA 12.4"),
        (("torch==2.9.0", "nvidia-cuda-runtime==13.0.48"), "CUDA 13.0"),
        (("torch==2.5.1+cu118",), "CUDA 11.8"),
        (("flash-attn==2.7.4+cu12torch2.6cxx11abifalse",), "CUDA 12"),
        (("torch==2.6.0+cpu", "nvidia-nccl-cu12==2.21.5", "xgboost==3.0.0"), "CPU"),
        (("torchvision==0.21.0+cpu", "torch==2.6.0+cu126"), "CUDA 12.6"),
        (("torch==2.6.0+rocm6.2.4",), "ROCm 6.2.4"),
        (("torch==2.6.0+xpu",), "Intel XPU"),
        (("jax-cuda12-plugin==0.5.0", "jaxlib==0.5.0"), "CUDA 12"),
        (("onnxruntime-gpu==1.20.0",), "CUDA"),
        (("torch==2.6.0", "numpy==2.0.0+local"), None),
    ],
)
def test_the_accelerator_of_a_selection(packages, found) -> None:
    told = accelerator_of(wheels(*packages))
    assert (told and str(told)) == found


def profile(*, required: bool) -> Profile:
    return Profile("App", Application(()), accelerator_required=required)


def test_the_manifest_says_what_the_profile_requires() -> None:
    cuda = application_for(profile(required=True), wheels("torch==2.6.0+cu124"))
    assert cuda.to_json()["accelerator"] == {"kind": "cuda", "version": "12.4", "required": True}
    assert Application.from_json(cuda.to_json(), "x").accelerator == cuda.accelerator
    plain = application_for(profile(required=False), wheels("numpy==2.0.0"))
    assert "accelerator" not in plain.to_json()
    assert application_for(profile(required=False), wheels("torch==1+cpu")).accelerator == Accelerator("cpu")
    with pytest.raises(TrustError, match=r"accelerator.version: not a version"):
        Accelerator.from_json({"kind": "cuda", "version": "12; rm"}, "accelerator")


def test_an_accelerator_that_a_target_lacks_is_refused_where_it_is_required() -> None:
    target = parse_target("linux-x86_64", "3.11")
    standings = [Standing(target, Selection(tuple(wheels("torch==2.6.0+cpu")), None))]
    require_accelerators(profile(required=False), standings)
    with pytest.raises(BuildError, match="built for none"):
        require_accelerators(profile(required=True), standings)
    require_accelerators(profile(required=True), [Standing(target, None)])


def test_each_of_two_extras_that_exclude_each_other_gives_its_own_bundle(tmp_path, capsys) -> None:
    project = tmp_path / "project"
    for kind in ("cpu", "cu124"):
        folder = tmp_path / kind
        folder.mkdir()
        (folder / f"torch-2.6.0+{kind}-py3-none-any.whl").write_bytes(make_wheel("torch", f"2.6.0+{kind}"))
    project.mkdir()
    (project / "pyproject.toml").write_text(PYTORCH)
    argv = [uv.find_uv_bin(), "lock", "--offline", "--quiet"]
    subprocess.run(argv, cwd=project, check=True, env=uv_environment(os.environ))
    for extra, told in (("cpu", {"kind": "cpu"}), ("cu124", {"kind": "cuda", "version": "12.4"})):
        arguments = ["--project-root", str(project), "--extra", extra, "--dry-run", "--offline"]
        assert cli.main(["build", *arguments, "--json"]) == 0
        (target,) = json.loads(capsys.readouterr().out)["targets"]
        assert target["accelerator"] == told
    assert cli.main(["build", *arguments]) == 0
    assert "accelerator: CUDA 12.4" in capsys.readouterr().out
