"""`deskhand demo`: all three channels through the providers' stand-ins, and no real account."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deskhand.cli.demo_accounts import accounts_in, forget_accounts
from deskhand.cli.demo_standins import find_repository
from deskhand.errors import InvalidInput, SetupInvalid
from deskhand.settings import COMPANY_THAT_SHIPS
from tests.cli.conftest import call

REPOSITORY = Path(__file__).parents[2]
ARTICLES = ("invite", "slack", "keyboard", "passwor")
CELL = re.compile(r"│\s*([^│]*?)\s*(?=│)")


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """The demo company with the few articles that its demonstration cites: reading all takes a while."""
    folder = tmp_path / "company"
    shutil.copytree(COMPANY_THAT_SHIPS, folder)
    for article in folder.joinpath("knowledge").rglob("*.md"):
        if not any(name in article.name for name in ARTICLES):
            article.unlink()
    return folder


def _rows(output: str) -> Iterator[list[str]]:
    """Lines that begin a row; what does not fit is continued in lines without a channel."""
    for line in output.splitlines():
        cells = CELL.findall(line)
        if cells and cells[0]:
            yield cells


def test_a_demonstration_goes_through_the_stand_ins_and_never_to_a_real_account(
    conninfo: str, company: Path, tmp_path: Path
) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "tests").symlink_to(REPOSITORY / "tests")
    real = {
        "DESKHAND_EMAIL_PROVIDER": "mailbox",
        "DESKHAND_EMAIL_IMAP_HOST": "imap.example.com",
        "DESKHAND_WHATSAPP_ACCOUNT_SID": "AC" + "f" * 32,
        "DESKHAND_WHATSAPP_API_KEY_SID": "SK" + "f" * 32,
        "DESKHAND_SMS_ACCOUNT_SID": "AC" + "f" * 32,
    }
    done = subprocess.run(
        [sys.executable, "-m", "deskhand", "demo", "--once"],
        cwd=tmp_path / "clone",
        env=os.environ
        | real
        | {
            "DESKHAND_DATABASE_URL": conninfo,
            "DESKHAND_DATA_DIR": str(tmp_path / "data"),
            "DESKHAND_COMPANY_DIR": str(company),
            "DESKHAND_PORT": "0",
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert [(row[0], row[3], row[6]) for row in _rows(done.stdout)] == [
        ("web_form", "answered", "delivered"),
        ("web_form", "escalated", "delivered"),
        ("email", "escalated", "sent in thread"),
        ("email", "answered", "sent in thread"),
        ("whatsapp", "answered", "delivered"),
        ("whatsapp", "answered", "delivered"),
        ("whatsapp", "escalated", "delivered"),
        ("web_form", "ignored", "—"),
    ]
    assert not (tmp_path / "data" / "outbox").exists()
    assert not _children_in(tmp_path / "clone")


def _children_in(folder: Path) -> list[str]:
    """Processes that were left behind: all of a demonstration work in its folder."""
    return [
        process.info["name"]
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["cwd"] and Path(process.info["cwd"]) == folder
    ]


def test_an_account_in_the_file_stops_a_demonstration_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DESKHAND_WHATSAPP_AUTH_TOKEN=x\nDESKHAND_EMAIL_PROVIDER=none\n", "utf-8")

    with pytest.raises(SetupInvalid, match=r"DESKHAND_WHATSAPP_AUTH_TOKEN\)"):
        forget_accounts()


@pytest.mark.parametrize(
    ("variable", "value", "is_account"),
    [
        ("DESKHAND_EMAIL_PROVIDER", "gmail", True),
        ("DESKHAND_EMAIL_PROVIDER", "none", False),
        ("DESKHAND_EMAIL_FETCH_EVERY", "30s", False),
        ("DESKHAND_EMAIL_GMAIL_SERVICE_ACCOUNT_FILE", "key.json", True),
        ("DESKHAND_SMS_AUTH_TOKEN", "x", True),
        ("DESKHAND_WHATSAPP_SENDER", "", False),
        ("DESKHAND_PORT", "8600", False),
    ],
)
def test_what_counts_as_an_account(variable: str, value: str, *, is_account: bool) -> None:
    assert bool(accounts_in({variable: value})) is is_account


def test_outside_a_clone_there_are_no_stand_ins_to_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert find_repository() is None
    assert isinstance(call("demo", "--standins").exception, InvalidInput)
