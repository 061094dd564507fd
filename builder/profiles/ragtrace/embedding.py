"""Embed each argument through RAGTrace's own adapter, as its evaluations do, and print the last embedding.

The adapter returns zeros on failure, and a model that was not loaded correctly is likely to embed all sentences
alike: both are errors here.
"""

import json
import sys

import numpy as np
from src.config import settings
from src.infrastructure.embedding.bge_m3_adapter import BgeM3EmbeddingAdapter

OTHER = "The cat sleeps on the warm roof."  # unrelated in meaning to the profile's probe sentence


def main(sentences):
    adapter = BgeM3EmbeddingAdapter(model_path=settings.BGE_M3_MODEL_PATH, device=settings.BGE_M3_DEVICE)
    *embedded, again, other = np.array(adapter.embed_documents([*sentences, sentences[-1], OTHER]))
    if not np.any(other):
        sys.exit("the adapter embeds nothing: see what it printed")
    if np.abs(embedded[-1] - again).max() > 1e-4:
        sys.exit("the same sentence is embedded in two ways")
    if embedded[-1] @ other > 0.9999:
        sys.exit("sentences of different meanings have the same embedding")
    print(json.dumps(embedded[-1].tolist()))


main(sys.argv[1:])
