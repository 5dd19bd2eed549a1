"""Writes the reference pages that the code itself knows best; `--check` fails when one is stale.

.venv/bin/python -m docs.generate [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from pydantic_core import PydanticUndefined

from deskhand.cli import app as cli
from deskhand.db import list_migrations
from deskhand.settings import COMPANY_THAT_SHIPS, Settings

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `make docs`; edit the code instead. -->\n\n"


def pages() -> dict[Path, str]:
    """Every generated page and its text."""
    return {
        REFERENCE / "settings.md": settings_page(),
        REFERENCE / "cli.md": cli_page(),
        REFERENCE / "schema.md": schema_page(),
        ROOT / ".env.example": env_example(),
    }


def _settings() -> Iterator[tuple[str, str, str]]:
    for name, field in Settings.model_fields.items():
        default = field.default
        if default is PydanticUndefined or default is None:
            shown = ""
        elif default == COMPANY_THAT_SHIPS:
            shown = "the demo company"
        elif default == ():
            shown = ""
        elif hasattr(default, "total_seconds"):
            shown = f"PT{int(default.total_seconds())}S"
        else:
            shown = str(default).lower() if isinstance(default, bool) else str(default)
        yield f"DESKHAND_{name.upper()}", shown, field.description or ""


def settings_page() -> str:
    rows = [f"| `{name}` | {f'`{default}`' if default else ''} | {text} |" for name, default, text in _settings()]
    head = "# Settings\n\nEvery setting is an environment variable; a file `.env` in the working folder is read too.\n"
    return "\n".join([NOTE + head, "| variable | default | meaning |", "| --- | --- | --- |", *rows, ""])


def env_example() -> str:
    lines = ["# Written by `make docs`. Copy to .env and uncomment what you change.", ""]
    for name, default, text in _settings():
        lines += [f"# {text}", f"#{name}={'' if default == 'the demo company' else default}", ""]
    return "\n".join(lines)


def cli_page() -> str:
    command = typer.main.get_command(cli)
    parts = [NOTE + "# Command line\n\nExit codes: 0 done, 1 failed, 2 wrong input or set-up.\n"]
    for path, item in _commands(command, "deskhand"):
        parts.append(f"## `{path}`\n\n{_usage(item)}\n")
    return "\n".join(parts)


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        if path != "deskhand" and command.invoke_without_command:
            yield path, command
        for name in sorted(command.commands):
            yield from _commands(command.commands[name], f"{path} {name}")
    else:
        yield path, command


def _usage(command: Any) -> str:
    lines = [(command.help or "").strip(), ""]
    for parameter in command.params:
        if parameter.name == "help":
            continue
        names = ", ".join(f"`{name}`" for name in parameter.opts)
        shown = f"`{parameter.name.upper()}`" if parameter.param_type_name == "argument" else names
        text = getattr(parameter, "help", "") or ""
        lines.append(f"- {shown}: {text}")
    return "\n".join(lines).rstrip()


def schema_page() -> str:
    parts = [NOTE + "# Database schema\n\nThe migrations, in the order in which they are applied.\n"]
    parts += [f"## {name}\n\n```sql\n{sql.rstrip()}\n```\n" for name, sql in list_migrations()]
    return "\n".join(parts)


def main() -> int:
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in sys.argv:
        for path in stale:
            sys.stderr.write(f"stale: {path.relative_to(ROOT)}; run `make docs`\n")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages()[path], "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
