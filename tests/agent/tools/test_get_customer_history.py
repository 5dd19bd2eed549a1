"""History as the brain sees it: over all channels for the verified, this thread alone for who merely claims."""

from __future__ import annotations

from dataclasses import replace

from deskhand import conversations, customers
from deskhand.agent.tools import ToolContext, ToolRuntime
from deskhand.agent.tools.get_customer_history import HistoryOutput
from deskhand.db import Database
from tests.agent.scene import make_context
from tests.factories import make_conversation, make_customer, make_message


async def _scene(database: Database, *, verified: bool) -> ToolContext:
    """A customer who wrote a mail before, and is writing the third message of a chat."""
    async with database.transaction() as tx:
        customer = await make_customer(tx)
        mail = await make_conversation(tx, customer, channel="email")
        chat = await make_conversation(tx, customer, channel="whatsapp")
        await make_message(tx, mail, "secret plans", minute=1)
        await make_message(tx, chat, "hello", minute=2)
        await make_message(tx, chat, "our answer", minute=3, kind="outbound", author="agent")
        await make_message(tx, chat, "between us", minute=4, kind="note", author="system")
        current = await make_message(tx, chat, "now", minute=5)
        return replace(
            make_context(database=database),
            customer=await customers.get(tx, customer.id),
            conversation=await conversations.get(tx, chat.id),
            message=await conversations.get_message(tx, current),
            verified=verified,
        )


async def _history(context: ToolContext, **arguments: int) -> HistoryOutput:
    return await ToolRuntime(context).call_as(HistoryOutput, "get_customer_history", **arguments)


async def test_the_verified_customer_s_history_is_newest_first_over_all_channels(database: Database) -> None:
    output = await _history(await _scene(database, verified=True))

    assert output.verified
    assert [(item.channel, item.author, item.text) for item in output.messages] == [
        ("whatsapp", "agent", "our answer"),
        ("whatsapp", "customer", "hello"),
        ("email", "customer", "secret plans"),
    ]


async def test_who_merely_claims_an_address_sees_this_thread_alone(database: Database) -> None:
    output = await _history(await _scene(database, verified=False))

    assert not output.verified
    assert [item.text for item in output.messages] == ["our answer", "hello"]


async def test_the_limit_keeps_the_newest(database: Database) -> None:
    for verified in (True, False):
        output = await _history(await _scene(database, verified=verified), limit=1)

        assert [item.text for item in output.messages] == ["our answer"]
