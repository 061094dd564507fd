from __future__ import annotations

import json

import pytest

from builder.models.whole import POINTER, require_whole
from shared.errors import BuildError

MODULES = [
    {"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"path": "2_Dense", "type": "sentence_transformers.models.Dense"},
    {"path": "3_Normalize", "type": "sentence_transformers.models.Normalize"},
]
INDEX = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"}}
HEADER = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":{"format":"pt"}}'
TENSORS = (len(HEADER).to_bytes(8, "little") + HEADER.encode() + b"1234").decode()
OPENED = "which the application opens according to"
KIND = "sentence_transformers.models."
CODE = {"auto_map": {"AutoModel": "modeling_own.Model", "AutoConfig": "other/repository--configuration.Config"}}
FILES = {
    "modules.json": json.dumps(MODULES),
    "config.json": json.dumps(CODE),
    "modeling_own.py": "",
    "model.safetensors.index.json": json.dumps(INDEX),
    "model-1.safetensors": TENSORS,
    "model-2.safetensors": TENSORS,
    "tokenizer_config.json": "{}",
    "tokenizer.json": "{}",
    "1_Pooling/config.json": "{}",
    "2_Dense/config.json": "{}",
    "2_Dense/pytorch_model.bin": "w",
}


@pytest.fixture
def judge(tmp_path):
    """Look at a model of the files above, with changes: None for a file that is not there."""

    def judged(changes):
        files = {}
        for path, text in {**FILES, **changes}.items():
            if text is not None:
                files[path] = tmp_path / path
                files[path].parent.mkdir(parents=True, exist_ok=True)
                files[path].write_bytes(text.encode())
        require_whole("bge", files)

    return judged


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tokenizer.json": None, "sentencepiece.bpe.model": "v"},
        {"tokenizer.json": None, "tokenizer_config.json": None},
        {"tokenizer.json": None, "tokenizer_config.json": '{"tokenizer_class": "ByT5Tokenizer"}'},
        dict.fromkeys(FILES)
        | {
            "modules.json": json.dumps([{"path": "0", "type": KIND + "StaticEmbedding"}]),
            "0/tokenizer.json": "{}",
            "0/model.safetensors": TENSORS,
        },
        dict.fromkeys(FILES)
        | {
            "modules.json": json.dumps([{"path": "0", "type": KIND + "WordEmbeddings"}]),
            "0/wordembedding_config.json": "{}",
            "0/pytorch_model.bin": "w",
        },
        {"model.safetensors.index.json": '{"weight_map": []}', "config.json": '{"auto_map": null}'},
        dict.fromkeys(FILES) | {"weights.gguf": "w"},  # of another layout
        dict.fromkeys(("model.safetensors.index.json", "model-1.safetensors", "model-2.safetensors"))
        | {"onnx/model.onnx": "w"},
    ],
)
def test_a_whole_model_travels(judge, changes):
    judge(changes)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"1_Pooling/config.json": None}, f"has no 1_Pooling/config.json, {OPENED} modules.json."),
        ({"2_Dense/pytorch_model.bin": None}, f"has no 2_Dense/model.safetensors, {OPENED} modules.json."),
        ({"config.json": None}, f"has no config.json, {OPENED} modules.json."),
        ({"model-2.safetensors": None}, f"has no model-2.safetensors, {OPENED} model.safetensors.index.json."),
        ({"modeling_own.py": None}, f"has no modeling_own.py, {OPENED} config.json."),
        ({"tokenizer.json": None}, f"has no tokenizer.json, {OPENED} tokenizer_config.json."),
        (
            dict.fromkeys(FILES) | {"config.json": '{"architectures": ["XLMRobertaModel"]}', "tokenizer.json": "{}"},
            f"has no model.safetensors, {OPENED} config.json.",
        ),
        (
            {"model.safetensors.index.json": '{"weight_map": {"a": 1, "b": "model-3.safetensors", "c": {}}}'},
            f"has no model-3.safetensors, {OPENED} model.safetensors.index.json.",
        ),
        (
            {"modules.json": json.dumps([{"path": None, "type": "Pooling"}]), "config.json": None},
            f"has no config.json, {OPENED} modules.json.",
        ),
        ({"modules.json": "[3]"}, "modules.json of model bge cannot be read: unexpected structure"),
        ({"config.json": "{"}, "config.json of model bge cannot be read: "),
        ({"model-1.safetensors": POINTER.decode() + "v1\noid sha256:0\n"}, "model-1.safetensors of model bge is a Git"),
        ({"2_Dense/pytorch_model.bin": ""}, "2_Dense/pytorch_model.bin of model bge is damaged: it is empty"),
        ({"onnx/model.onnx": ""}, "onnx/model.onnx of model bge is damaged: it is empty"),
        ({"tokenizer.json": ""}, "tokenizer.json of model bge is damaged: it is empty"),
        ({"2_Dense/pytorch_model.bin": "PK\x03\x04..."}, "is damaged: it is truncated: the end of its archive"),
        ({"model-1.safetensors": TENSORS[:-1]}, f"declares {len(TENSORS)} bytes, but it has {len(TENSORS) - 1}"),
        ({"model-1.safetensors": TENSORS + "5"}, f"declares {len(TENSORS)} bytes, but it has {len(TENSORS) + 1}"),
        ({"model-1.safetensors": TENSORS[:20]}, "it is truncated in its header"),
        ({"model-1.safetensors": TENSORS[:5]}, "it is truncated in its header"),
        ({"model-1.safetensors": "x" * 200}, "it is not a safetensors file"),
        ({"model-1.safetensors": "\2\0\0\0\0\0\0\0[]"}, "it is not a safetensors file"),
        ({"model-1.safetensors": '\7\0\0\0\0\0\0\0{"a":1}'}, "it is not a safetensors file"),
        (
            dict.fromkeys(path for path in FILES if path.startswith("model") and path != "modeling_own.py")
            | {"modules.json": json.dumps(MODULES[:1])},
            f"has no model.safetensors, {OPENED} modules.json.",
        ),
    ],
)
def test_a_model_that_lacks_what_the_application_opens_is_refused(judge, changes, what):
    with pytest.raises(BuildError) as refused:
        judge(changes)
    assert what in refused.value.what
    assert refused.value.advice
