"""Models behind protocols: embeddings and language detection, both local by default."""

from deskhand.inference.base import Embedder, TokenEmbedder, TokenStates
from deskhand.inference.compact import CompactTokens, compact_tokens, nearest_tokens, read_compact
from deskhand.inference.configured import ConfiguredEmbedder, embedder_of, open_embedder
from deskhand.inference.language import LanguageGuess, detect_language, load_language_model
from deskhand.inference.local import LocalEmbedder

__all__ = [
    "CompactTokens",
    "ConfiguredEmbedder",
    "Embedder",
    "LanguageGuess",
    "LocalEmbedder",
    "TokenEmbedder",
    "TokenStates",
    "compact_tokens",
    "detect_language",
    "embedder_of",
    "load_language_model",
    "nearest_tokens",
    "open_embedder",
    "read_compact",
]
