"""Let the application's container build what its settings name."""

from src.config import settings
from src.container import container
from src.infrastructure.embedding import Local

assert isinstance(container.embedding(settings.DEFAULT_EMBEDDING), Local)
