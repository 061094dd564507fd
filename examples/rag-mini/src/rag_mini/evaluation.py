"""Retrieval scored: does the document that answers a question stand among the first found?"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field, model_validator


class Question(BaseModel):
    text: str = Field(min_length=1)
    answer: str  # the id of the document that answers it


class Dataset(BaseModel):
    """Documents by id, and questions; ``documents_file`` names a JSON file beside the dataset instead."""

    name: str
    documents: dict[str, str] = {}
    documents_file: str | None = None
    questions: list[Question] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_documents(self):
        if not self.documents and self.documents_file is None:
            raise ValueError("neither documents nor documents_file")
        return self


class Result(BaseModel):
    """The scores of one run, and the rank of the right document for each question."""

    dataset: str
    hit_at_k: float
    k: int
    mrr: float
    ranks: list[int]


def load_dataset(file):
    """Read a dataset; raises ValueError or OSError."""
    dataset = Dataset.model_validate_json(Path(file).read_text(encoding="utf-8"))
    if dataset.documents_file:
        beside = Path(file).with_name(dataset.documents_file)
        documents = DocumentsFile.model_validate_json(beside.read_text(encoding="utf-8")).documents
        dataset = dataset.model_copy(update={"documents": {**documents, **dataset.documents}})
    unknown = [question.answer for question in dataset.questions if question.answer not in dataset.documents]
    if unknown:
        raise ValueError(f"no document {unknown[0]!r}")
    return dataset


class DocumentsFile(BaseModel):
    documents: dict[str, str] = Field(min_length=1)


def evaluate(dataset, encoder, k):
    """Embed questions and documents and score what is found: hit@k and mean reciprocal rank."""
    ids = list(dataset.documents)
    documents = encoder.embed([dataset.documents[name] for name in ids])
    questions = encoder.embed([question.text for question in dataset.questions])
    order = np.argsort(-(questions @ documents.T), axis=1, kind="stable")
    ranks = [
        1 + [ids[index] for index in row].index(question.answer)
        for row, question in zip(order, dataset.questions, strict=True)
    ]
    return Result(
        dataset=dataset.name,
        hit_at_k=sum(rank <= k for rank in ranks) / len(ranks),
        k=k,
        mrr=sum(1 / rank for rank in ranks) / len(ranks),
        ranks=ranks,
    )
