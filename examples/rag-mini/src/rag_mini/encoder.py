"""A BERT sentence encoder in numpy: embeddings, layers, mean pooling, unit length.

The architecture is that of BERT (Devlin et al., 2019); the pooling that of Sentence-BERT
(Reimers and Gurevych, 2019). Weights are read from model.safetensors.
"""

import json
import math

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

MAX_TOKENS = 256  # what the model was trained for (its sentence_bert_config.json)
_erf = np.frompyfunc(math.erf, 1, 1)


class Encoder:
    """Turns texts into unit vectors."""

    def __init__(self, folder):
        if not (folder / "model.safetensors").is_file():
            raise FileNotFoundError(f"{folder} holds no model (config.json, tokenizer.json, model.safetensors)")
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.layers = config["num_hidden_layers"]
        self.heads = config["num_attention_heads"]
        self.epsilon = config["layer_norm_eps"]
        self.weights = load_file(folder / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MAX_TOKENS)

    def embed(self, texts):
        """Return an array with one row for each text."""
        return np.stack([self._embed_one(text) for text in texts])

    def _embed_one(self, text):
        # one text at a time: no padding, so no mask, and the same result in any company
        hidden = self._input(self.tokenizer.encode(text).ids)
        for number in range(self.layers):
            hidden = self._layer(hidden, f"encoder.layer.{number}.")
        pooled = hidden.mean(axis=0)
        return pooled / np.linalg.norm(pooled)

    def _input(self, ids):
        tables = "embeddings.{}_embeddings.weight"
        words = self.weights[tables.format("word")][ids]
        positions = self.weights[tables.format("position")][: len(ids)]
        return self._norm(words + positions + self.weights[tables.format("token_type")][0], "embeddings.LayerNorm")

    def _layer(self, hidden, prefix):
        attended = self._dense(self._attention(hidden, prefix + "attention.self."), prefix + "attention.output.dense")
        hidden = self._norm(hidden + attended, prefix + "attention.output.LayerNorm")
        inner = _gelu(self._dense(hidden, prefix + "intermediate.dense"))
        return self._norm(hidden + self._dense(inner, prefix + "output.dense"), prefix + "output.LayerNorm")

    def _attention(self, hidden, prefix):
        tokens, width = hidden.shape

        def heads(name):
            return self._dense(hidden, prefix + name).reshape(tokens, self.heads, -1).transpose(1, 0, 2)

        scores = heads("query") @ heads("key").transpose(0, 2, 1) / np.sqrt(np.float32(width // self.heads))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = scores / scores.sum(axis=-1, keepdims=True) @ heads("value")
        return mixed.transpose(1, 0, 2).reshape(tokens, width)

    def _dense(self, hidden, name):
        return hidden @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def _norm(self, hidden, name):
        centred = hidden - hidden.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.epsilon)
        return centred / spread * self.weights[name + ".weight"] + self.weights[name + ".bias"]


def _gelu(x):
    return x * 0.5 * (1 + _erf(x / math.sqrt(2)).astype(np.float32))
