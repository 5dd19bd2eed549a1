"""Files to documents: Markdown, HTML and plain text, cut into sections that can be quoted."""

from deskhand.knowledge.parsing.document import SUFFIXES, UnreadableFile, parse, slugify

__all__ = ["SUFFIXES", "UnreadableFile", "parse", "slugify"]
