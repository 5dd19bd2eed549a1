"""A synthetic message through the real front door; these routes exist in development only."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from deskhand.api.context import DeskDep
from deskhand.api.openapi import problems
from deskhand.api.schemas import QueuedTest, SupportMessage
from deskhand.api.security import require
from deskhand.api.submission import Sent, accept_message

router = APIRouter(prefix="/test", tags=["test"], dependencies=[Depends(require("write"))])

QUESTION = SupportMessage(
    name="Test Customer",
    email="test.customer@example.com",
    subject="A test of the queue",
    message="How do I export my project as CSV?",
)


@router.post(
    "/queue",
    status_code=202,
    response_model=QueuedTest,
    summary="Queue a test message",
    responses=problems(401, 403, 503),
)
async def queue(desk: DeskDep) -> QueuedTest:
    """Stores and publishes one web form message; its status page shows what became of it. Absent in production."""
    accepted = await accept_message(desk, QUESTION, Sent())
    return QueuedTest(reference=accepted.reference, status_url=accepted.status_url)
