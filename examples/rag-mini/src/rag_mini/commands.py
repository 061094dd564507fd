"""The command line: parses, calls, prints."""

import argparse
import json
import sys

from rag_mini import evaluation, history, paths
from rag_mini.settings import SettingsError, load_settings


def main(argv=None):
    """Run one command and return its exit code. Nothing starts without the required settings."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"rag-mini cannot start: {error}. Set it in the environment or in .env.", file=sys.stderr)
        return 1
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments, settings)
    except (OSError, ValueError) as error:
        print(f"rag-mini: {error}", file=sys.stderr)
        return 1


def _parser():
    parser = argparse.ArgumentParser(prog="rag-mini", description="Score retrieval with a local model.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    embed = commands.add_parser("embed", help="print the embedding of each text")
    embed.add_argument("--json", action="store_true", help="print all numbers as a JSON list")
    embed.add_argument("texts", nargs="+", metavar="text")
    embed.set_defaults(run=_embed)
    evaluate = commands.add_parser("evaluate", help="score a dataset of questions and documents")
    evaluate.add_argument("dataset", metavar="QUESTIONS.json")
    evaluate.set_defaults(run=_evaluate)
    commands.add_parser("history", help="list the runs that were made").set_defaults(run=_history)
    return parser


def _encoder(settings):
    from rag_mini.encoder import Encoder

    if settings.model_path is None:
        raise ValueError("RAG_MINI_MODEL_PATH does not name the model's folder")
    return Encoder(settings.model_path)


def _embed(arguments, settings):
    for embedding in _encoder(settings).embed(arguments.texts):
        vector = [round(float(number), 7) for number in embedding]
        if arguments.json:
            print(json.dumps(vector))
        else:
            print(f"{len(vector)} numbers: {', '.join(f'{number:.4f}' for number in vector[:8])}, …")
    return 0


def _evaluate(arguments, settings):
    dataset = evaluation.load_dataset(arguments.dataset)
    result = evaluation.evaluate(dataset, _encoder(settings), settings.top_k)
    number = history.save(paths.database_file(settings.database_url), result)
    file = history.export(paths.exports_folder(), number, dataset, result)
    print(f"{result.dataset}: {len(result.ranks)} questions, {len(dataset.documents)} documents")
    print(f"hit@{result.k} {result.hit_at_k:.3f}  MRR {result.mrr:.3f}")
    print(f"run {number}, ranks in {file}")
    return 0


def _history(_arguments, settings):
    for number, made, dataset, k, hit, mrr in history.runs(paths.database_file(settings.database_url)):
        print(f"{number}\t{made}\t{dataset}\thit@{k} {hit:.3f}\tMRR {mrr:.3f}")
    return 0
