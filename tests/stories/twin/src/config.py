"""Settings, read from the environment and from .env where the caller stands; made when it is imported."""

from pydantic import Field
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    GEMINI_API_KEY: str = Field(...)
    DEFAULT_LLM: str = "gemini"
    DEFAULT_EMBEDDING: str = "gemini"
    BGE_M3_MODEL_PATH: str | None = None
    BGE_M3_DEVICE: str | None = None
    DATABASE_URL: str = "sqlite:///history.db"

    class Config:
        env_file = ".env"
        extra = "ignore"


settings = Settings()
