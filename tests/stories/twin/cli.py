"""The twin's command line: everything is imported before it looks at what it was asked for."""

import argparse
import json
import sys
from pathlib import Path

from src.config import settings
from src.container import container
from src.utils.paths import available_datasets


def main():
    parser = argparse.ArgumentParser(description="twin")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("list-datasets")
    commands.add_parser("list-checkpoints")
    embed = commands.add_parser("embed")
    embed.add_argument("text")
    embed.add_argument("--embedding", default=settings.DEFAULT_EMBEDDING)
    export = commands.add_parser("export-results")
    export.add_argument("result_file")
    export.add_argument("--output-dir", default="exports")
    arguments = parser.parse_args()
    if arguments.command == "list-datasets":
        print("\n".join(available_datasets()))
    elif arguments.command == "list-checkpoints":
        Path("checkpoints").mkdir(exist_ok=True)
        print(len(list(Path("checkpoints").iterdir())), "checkpoints")
    elif arguments.command == "embed":
        print(arguments.embedding, json.dumps(container.embedding(arguments.embedding).embed(arguments.text)))
    elif arguments.command == "export-results":
        folder = Path(arguments.output_dir)
        folder.mkdir(exist_ok=True)
        (folder / "report.md").write_text(Path(arguments.result_file).read_text(encoding="utf-8"), encoding="utf-8")
        print(folder / "report.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
