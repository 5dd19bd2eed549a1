"""Deskhand: a support desk with an AI agent in the first seat."""

__version__ = "0.1.0"
