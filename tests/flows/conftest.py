"""A desk that knows two articles."""

from __future__ import annotations

from pathlib import Path

import pytest

from deskhand.desk import Desk
from deskhand.flows.ingest import load_knowledge

INVITE = """---
title: Invite members
url: https://help.taskflow.io/invite-members
---

# Invite members

## Invite a colleague

1. Open **Settings** and choose **Members**.
2. Press **Invite** and type the address of your colleague.
3. Choose a role and press **Send**.

The invitation stays valid for seven days.
"""
EXPORT = """---
title: Export a project
url: https://help.taskflow.io/export-project
---

# Export a project

## Export as CSV

Open the project's menu, choose **Export**, then **CSV**. The file holds every task with its fields.
"""
STEPS = [line for line in INVITE.splitlines() if line[:2] in ("1.", "2.", "3.")]


@pytest.fixture
async def knowing_desk(desk: Desk, tmp_path: Path) -> Desk:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "invite-members.md").write_text(INVITE, "utf-8")
    (folder / "export-project.md").write_text(EXPORT, "utf-8")
    report = await load_knowledge(desk, [folder])
    assert report.problems == ()
    return desk
