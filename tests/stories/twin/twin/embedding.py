"""Print the embedding of the last argument, by the application's own adapter."""

import json
import sys

from src.config import settings
from src.infrastructure.embedding import Local

print(json.dumps(Local(settings.BGE_M3_MODEL_PATH).embed(sys.argv[-1])))
