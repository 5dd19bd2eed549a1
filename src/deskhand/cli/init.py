"""`deskhand init`: a company folder to start from."""

from __future__ import annotations

import shutil
from pathlib import Path

import typer

from deskhand.company_folder import load_company
from deskhand.errors import InvalidInput
from deskhand.settings import COMPANY_THAT_SHIPS


def init(folder: Path = typer.Argument(help="The folder to write; it must be new or empty.")) -> None:
    """Write a complete company folder, the demo company's, to replace with your own words and rules."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(f"{folder} is there already and not empty.", field="folder", mend="Name a new folder.")
    shutil.copytree(COMPANY_THAT_SHIPS, folder, dirs_exist_ok=True)
    company = load_company(folder)
    articles = sum(1 for _ in company.knowledge_dir.rglob("*.md"))
    typer.echo(f"wrote {folder}: profile, voice, escalation rules, macros and {articles} articles")
    typer.echo(f"use it: export DESKHAND_COMPANY_DIR={folder.resolve()}")
