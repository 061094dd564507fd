"""Import RAGTrace's main dependencies and print their versions."""

import argparse
import importlib
import importlib.metadata

MODULES = {
    "streamlit": "streamlit",
    "pandas": "pandas",
    "numpy": "numpy",
    "torch": "torch",
    "sentence_transformers": "sentence-transformers",
    "ragas": "ragas",
    "dependency_injector": "dependency-injector",
    "google.generativeai": "google-generativeai",
    "plotly": "plotly",
    "openpyxl": "openpyxl",
    "requests": "requests",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="ragtrace-scale", description="Import RAGTrace's main dependencies.")
    parser.parse_args()
    for module, distribution in MODULES.items():
        importlib.import_module(module)
        print(f"{module} {importlib.metadata.version(distribution)}")


if __name__ == "__main__":
    main()
