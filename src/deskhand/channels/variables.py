"""Which variables are ours: each settings class's names, and those in the environment that nobody reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values
from pydantic import AliasChoices
from pydantic_settings import BaseSettings

PREFIX = "DESKHAND_"
OF_TESTS = ("DESKHAND_TEST_", "DESKHAND_CRASH_")


def variables_of(kind: type[BaseSettings]) -> Iterator[str]:
    """The variables that a settings class reads, in its order."""
    prefix = kind.model_config.get("env_prefix", "")
    for name, field in kind.model_fields.items():
        if isinstance(field.validation_alias, AliasChoices):
            yield from (str(choice) for choice in field.validation_alias.choices if str(choice).isupper())
        else:
            yield f"{prefix}{name.upper()}"


def given_variables(env_file: Path) -> dict[str, str | None]:
    """What the environment and the file `.env` set."""
    in_file: Mapping[str, str | None] = dotenv_values(env_file) if env_file.is_file() else {}
    return {**in_file, **os.environ}


def unknown_variables(given: Iterable[str], kinds: Iterable[type[BaseSettings]]) -> list[tuple[str, str]]:
    """(variable, the known one that it looks like): what is misspelt would be ignored without a word."""
    known = {name for kind in kinds for name in variables_of(kind)}
    return [
        (name, next(iter(get_close_matches(name.upper(), known, n=1, cutoff=0.8)), ""))
        for name in sorted(given)
        if name.upper().startswith(PREFIX) and name.upper() not in known and not name.upper().startswith(OF_TESTS)
    ]


def describe_unknown(found: Iterable[tuple[str, str]]) -> str:
    """One line for people; empty when all is known."""
    words = [f"{name} (did you mean {near}?)" if near else name for name, near in found]
    return f"no setting is called {', '.join(words)}" if words else ""
