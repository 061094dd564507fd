"""Evaluate RAGTrace's small data set with the installed model and a judge that needs no network; write its reports.

Everything except the judge is RAGTrace's own. The judge fills in any JSON schema that a metric requests, so the scores
are meaningless; that they are finite and in range shows that data, metrics, embedding and reports work together.
"""

import json
import math
import sys

from langchain_core.language_models.llms import LLM
from src.application.ports.llm import LlmPort
from src.application.services.result_exporter import ResultExporter
from src.container import ConfigurationContainer, EmbeddingProviderFactory, EvaluationUseCaseFactory, ServiceRegistry
from src.container.factories.evaluation_use_case_factory import EvaluationRequest

DATASET = "evaluation_data_small"
MARK = "JSON Schema:"


def instance(schema, definitions):
    """Return the smallest value that a JSON schema allows, with 1 for numbers."""
    if "$ref" in schema:
        return instance(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    kind = schema.get("type", "string")
    if kind == "object":
        return {name: instance(part, definitions) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance(schema["items"], definitions)]
    return {"integer": 1, "number": 1.0, "boolean": True}.get(kind, "A sentence.")


class Judge(LLM):
    """Answers as a metric's schema requires."""

    model: str = "a judge without a network"

    @property
    def _llm_type(self):
        return "judge"

    def _call(self, prompt, stop=None, run_manager=None, **options):
        schema, _end = json.JSONDecoder().raw_decode(prompt.partition(MARK)[2].lstrip())
        return json.dumps(instance(schema, schema.get("$defs", {})))


class Port(LlmPort):
    """Provides the judge to any caller that requests a language model."""

    def generate_answer(self, question, contexts):
        return contexts[0]

    def get_llm(self):
        return Judge()


class Judges:
    """Replaces RAGTrace's factory of language models."""

    def create_provider(self, kind):
        return Port()


def main():
    embeddings = EmbeddingProviderFactory(ConfigurationContainer())
    factory = EvaluationUseCaseFactory(Judges(), embeddings, ServiceRegistry())
    case, _llm, _embedding = factory.create_use_case(EvaluationRequest(llm_type="gemini", embedding_type="bge_m3"))
    result = case.execute(dataset_name=DATASET).to_dict()
    scores = {name: value for name, value in result.items() if isinstance(value, float)}
    wrong = [name for name, value in scores.items() if name != "timestamp" and not math.isfinite(value)]
    if wrong or "ragas_score" not in scores:
        sys.exit(f"no score: {', '.join(wrong) or 'ragas_score'}")
    files = ResultExporter().export_full_package(result, "try")
    print(scores, files)


main()
