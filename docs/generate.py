"""Writes the reference pages that the code itself knows best; `--check` fails when one is stale.

.venv/bin/python -m docs.generate [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from deskhand.channels import CHANNEL_SETTINGS
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


def _groups() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Our own settings, then each channel's under its heading: (heading, (variable, default, meaning)...)."""
    for kind in (Settings, *CHANNEL_SETTINGS):
        prefix = kind.model_config.get("env_prefix", "")
        channel = prefix.removeprefix("DESKHAND_").rstrip("_").lower()
        rows = [_setting(prefix, name, field) for name, field in kind.model_fields.items()]
        yield (f"Channel {channel}" if channel else "", rows)


def _setting(prefix: str, name: str, field: FieldInfo) -> tuple[str, str, str]:
    default = field.default
    if default is PydanticUndefined or default is None:
        shown = ""
    elif default == COMPANY_THAT_SHIPS:
        shown = "the demo company"
    elif isinstance(default, tuple):
        shown = ",".join(map(str, default))  # pyright: ignore[reportUnknownArgumentType]  # any field's
    elif hasattr(default, "total_seconds"):
        shown = f"PT{int(default.total_seconds())}S"
    else:
        shown = str(default).lower() if isinstance(default, bool) else str(default)
    alias = field.validation_alias
    known = str(alias.choices[0]) if isinstance(alias, AliasChoices) else ""
    return known if known.startswith("DESKHAND_") else f"{prefix}{name.upper()}", shown, field.description or ""


def settings_page() -> str:
    lines = [
        NOTE
        + "# Settings\n\nEvery setting is an environment variable; a file `.env` in the working folder is read too. A "
        "variable that begins with `DESKHAND_` and is none of these is named at the start and by `deskhand doctor`.\n"
    ]
    for heading, group in _groups():
        lines += [f"## {heading}", ""] if heading else []
        lines += ["| variable | default | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{name}` | {f'`{default}`' if default else ''} | {text} |" for name, default, text in group]
        lines.append("")
    return "\n".join(lines)


def env_example() -> str:
    lines = ["# Written by `make docs`. Copy to .env and uncomment what you change.", ""]
    for heading, group in _groups():
        lines += [f"# {heading} {'-' * (100 - len(heading))}", ""] if heading else []
        for name, default, text in group:
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
