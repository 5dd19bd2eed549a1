"""The ticket exists before anything is said, and there is one."""

from __future__ import annotations

from dataclasses import replace

from deskhand import conversations, customers, tickets
from deskhand.agent.tools import ToolContext, ToolRuntime
from deskhand.agent.tools.create_ticket import TicketOutput
from deskhand.db import Database
from tests.agent.scene import make_context
from tests.factories import make_conversation


async def _scene(database: Database) -> ToolContext:
    context = make_context(database=database)
    context.state.ticketed = False
    async with database.transaction() as tx:
        thread = await make_conversation(tx)
        return replace(
            context,
            customer=await customers.get(tx, thread.customer_id),
            conversation=await conversations.get(tx, thread.id),
        )


async def test_a_ticket_is_committed_before_its_reference_is_told(database: Database) -> None:
    context = await _scene(database)

    output = await ToolRuntime(context).call_as(TicketOutput, "create_ticket", subject="Invitations fail")

    async with database.transaction() as tx:
        found = await tickets.find_by_reference(tx, output.reference)
    assert found is not None
    assert (found.subject, found.conversation_id) == ("Invitations fail", context.conversation.id)
    assert (output.status, output.opened_now) == ("open", True)
    assert context.state.ticketed


async def test_calling_it_again_returns_the_same_ticket(database: Database) -> None:
    runtime = ToolRuntime(await _scene(database))

    first = await runtime.call_as(TicketOutput, "create_ticket")
    second = await runtime.call_as(TicketOutput, "create_ticket")

    assert second.reference == first.reference
    assert not second.opened_now
