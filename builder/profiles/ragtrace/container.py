"""Check that RAGTrace's container builds everything that an evaluation needs, from settings alone, without prompts."""

import sys

from langchain_core.embeddings import Embeddings
from src.application.ports.llm import LlmPort
from src.application.use_cases import RunEvaluationUseCase
from src.container import container
from src.container.factories.evaluation_use_case_factory import EvaluationRequest


def main():
    case, judge, embedding = container.create_evaluation_use_case(EvaluationRequest())
    built = ((case, RunEvaluationUseCase), (judge, LlmPort), (embedding, Embeddings))
    wrong = [f"{type(one).__name__} is no {kind.__name__}" for one, kind in built if not isinstance(one, kind)]
    if case.llm_port is not judge:
        wrong.append("the use case has another judge")
    wrong += [f"{name} is missing" for name, part in vars(case).items() if part is None]
    if wrong:
        sys.exit("; ".join(wrong))
    print(", ".join(type(one).__name__ for one, _kind in built))


main()
