"""Models behind protocols: embeddings and language detection, both local by default."""

from deskhand.inference.base import Embedder, TokenEmbedder, TokenStates
from deskhand.inference.language import LanguageGuess, detect_language, load_language_model
from deskhand.inference.local import LocalEmbedder

__all__ = [
    "Embedder",
    "LanguageGuess",
    "LocalEmbedder",
    "TokenEmbedder",
    "TokenStates",
    "detect_language",
    "load_language_model",
]
