"""The shape of the code: where SQL stands, how large things may get, what they are called."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from deskhand.db import Database

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "deskhand"
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
FORBIDDEN = {"util", "utils", "helper", "helpers", "manager", "managers", "handler", "handlers", "common", "misc"}
# What is larger, and why.
EXCEPTIONS = {
    "src/deskhand/knowledge/queries.py:list_candidates": "one SQL statement, laid out for reading",
    "src/deskhand/knowledge/vector_queries.py:list_near_candidates": "one SQL statement, laid out for reading",
}
SQL = re.compile(
    r"\b(?:select\s.+?\sfrom|insert\s+into|delete\s+from|update\s+\w+\s+set|create\s+(?:table|index|database))\b",
    re.I | re.S,
)
SQL_MAY_STAND_IN = ("db.py", "transport/", "embedded/")
NINE = [
    *("customers", "customer_identifiers", "conversations", "messages", "tickets"),
    *("knowledge_base", "channel_configs", "agent_metrics", "message_queue"),
]


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@cache
def _modules() -> tuple[tuple[Path, ast.Module], ...]:
    files = [file for folder in ("src", "tests") for file in sorted((ROOT / folder).rglob("*.py"))]
    return tuple((file, ast.parse(file.read_text("utf-8"))) for file in files)


def _functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for file, module in _modules():
        for node in ast.walk(module):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{_name(file)}:{node.name}", node


def _docstrings(module: ast.Module) -> set[int]:
    """Where docstrings stand: what they say of a query is no query."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr)
    }


def _statements(module: ast.Module) -> Iterator[str]:
    docstrings = _docstrings(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            found = SQL.search(node.value)
            if found:
                yield found[0][:60]


def test_sql_stands_in_queries_and_in_the_database_s_own_modules_only() -> None:
    strays = {
        _name(file): found
        for file, module in _modules()
        if file.is_relative_to(SOURCE)
        and not file.stem.endswith("queries")
        and not file.relative_to(SOURCE).as_posix().startswith(SQL_MAY_STAND_IN)
        and (found := list(_statements(module)))
    }

    assert strays == {}


def test_the_search_for_sql_finds_some() -> None:
    queries = next(module for file, module in _modules() if file == SOURCE / "tickets" / "queries.py")

    assert len(list(_statements(queries))) >= 6


def test_no_file_is_longer_than_the_ceiling() -> None:
    long = {_name(file): len(file.read_text("utf-8").splitlines()) for file, _ in _modules()}

    assert {name: lines for name, lines in long.items() if lines > LONGEST_FILE and name not in EXCEPTIONS} == {}


def test_no_function_is_longer_than_the_ceiling() -> None:
    long = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in _functions()}

    assert {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION and name not in EXCEPTIONS} == {}


def test_no_module_is_called_by_a_name_that_says_nothing() -> None:
    names = {part for file, _ in _modules() for part in (*file.parent.parts, file.stem)}

    assert names & FORBIDDEN == set()


def test_every_module_starts_with_a_sentence() -> None:
    silent = [
        _name(file)
        for file, module in _modules()
        if module.body and not (ast.get_docstring(module) or "").split("\n")[0].rstrip().endswith((".", ":"))
    ]

    assert silent == []


def test_every_package_of_ours_can_be_imported_by_its_name() -> None:
    folders = {file.parent for file, _ in _modules() if file.is_relative_to(SOURCE)}

    assert [_name(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("table", NINE)
async def test_the_nine_tables_keep_their_names(database: Database, table: str) -> None:
    async with database.transaction() as tx:
        row = await (await tx.execute("select to_regclass(%s) is not null", (table,))).fetchone()

    assert row == (True,)
