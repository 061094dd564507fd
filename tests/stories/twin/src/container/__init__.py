"""Wires everything together, and imports all of it to do so."""

from src import slow
from src.config import settings
from src.infrastructure.embedding import Local, Online


class Container:
    def embedding(self, kind):
        return Local(settings.BGE_M3_MODEL_PATH) if kind == "bge_m3" else Online(kind)


container = Container()
ANSWER = slow.function_0()
