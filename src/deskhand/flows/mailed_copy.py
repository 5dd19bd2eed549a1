"""Mailed copies: the form's answer stands on its page, and goes to the address that its sender gave, within a brake.

Nobody has proved to hold that address, so that the form must not become a way to write to strangers: the mail holds
our words and the link, never the sender's, and few go to one address.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from deskhand import conversations, customers, deliveries, inbound, knowledge
from deskhand.agent.decision import Draft
from deskhand.channels.base import Reply
from deskhand.db import Tx
from deskhand.desk import Desk
from deskhand.flows.intake import access_hash
from deskhand.flows.situation import Situation
from deskhand.ids import MessageId
from deskhand.inbound import Inbound
from deskhand.log import get_logger

log = get_logger("mailed_copy")

FORM, MAIL = "web_form", "email"
WORTH_A_MAIL = ("answer", "ask_back")
RUN = 6  # so many words in a row are no accident
WORD = re.compile(r"\w+")
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as it was stored: its message, its words, and to whom it goes."""

    message_id: MessageId
    reply: Reply
    draft: Draft
    recipient: str


async def queue_copy(desk: Desk, tx: Tx, situation: Situation, said: Said) -> None:
    """Publish the mail on the transaction of the answer, if there may be one."""
    conversation = situation.conversation
    if conversation.channel != FORM or said.draft.kind not in WORTH_A_MAIL or not said.recipient:
        return
    if desk.channels[MAIL].health().state != "ready" or desk.settings.public_url is None:
        return
    root = await inbound.find_first_of_conversation(tx, conversation.id)
    if root is None or not await _may_mail(desk, tx, situation, said.recipient):
        return
    delivery_id = await deliveries.queue_copy(
        tx,
        message_id=said.message_id,
        channel=MAIL,
        recipient=said.recipient,
        subject=f"{desk.company.profile.company} [{root.reference}]",
        body=await _write(desk, tx, situation, said, root),
        at=desk.clock.now(),
    )
    # A lane of its own: what the page shows does not wait for a mail provider.
    await desk.transport.publish(
        tx,
        desk.topics.deliveries,
        f"copy:{conversation.id}",
        {"delivery_id": str(delivery_id)},
        dedup_key=str(delivery_id),
    )


async def _may_mail(desk: Desk, tx: Tx, situation: Situation, recipient: str) -> bool:
    """Few to an address that nobody has proved to hold, a correspondence to one that somebody has."""
    now, settings = desk.clock.now(), desk.settings
    await deliveries.lock_name(tx, MAIL, recipient)
    identifiers = await customers.list_identifiers(tx, situation.customer.id)
    is_known = any(item.value == recipient and item.verified_at is not None for item in identifiers)
    if is_known:
        limits = ((HOUR, settings.mails_per_hour), (DAY, settings.mails_per_day))
    else:
        limits = ((DAY, settings.form_copies_per_day), (WEEK, settings.form_copies_per_week))
    for window, most in limits:
        if await deliveries.count_copies_to(tx, channel=MAIL, recipient=recipient, since=now - window) >= most:
            log.info("copy_withheld", cause="address", verified=is_known)
            return False
    if await deliveries.count_copies(tx, since=now - HOUR) >= settings.form_copies_per_hour:
        log.warning("copy_withheld", cause="all addresses")
        return False
    return True


async def _write(desk: Desk, tx: Tx, situation: Situation, said: Said, root: Inbound) -> str:
    """Our answer and a link of its own; when the answer repeats the sender's words, the link alone."""
    phrases = desk.company.voice.for_language(said.draft.language)
    page = await conversations.page_of_messages(tx, situation.conversation.id, limit=100)
    theirs = [item for item in page.messages if item.author == "customer"]
    given = [text for item in theirs for text in (item.subject, item.body)]
    names = {item.author_name for item in theirs}
    is_theirs = echoes(said.draft.text, given, names, await _quoted(tx, said.draft))
    link = (phrases.copy_link, await _new_link(desk, tx, root))
    reply = replace(
        said.reply,
        text=phrases.copy_without_text if is_theirs else said.draft.text,
        customer_name="",
        subject="",
        reference=root.reference or said.reply.reference,
        links=(link,) if is_theirs else (*said.reply.links, link),
    )
    return "\n\n".join(desk.channels[MAIL].format(reply))


async def _new_link(desk: Desk, tx: Tx, root: Inbound) -> str:
    """A secret of the mail's own, so that the one which the sender got is still known to nobody else."""
    token = secrets.token_urlsafe(32)
    await inbound.add_link(tx, root.id, access_hash(token), at=desk.clock.now())
    return f"{(desk.settings.public_url or '').rstrip('/')}/support/status/{root.reference}?token={token}"


async def _quoted(tx: Tx, draft: Draft) -> list[str]:
    """Our own articles behind the answer: who asks in their words gets them back from there."""
    slugs = dict.fromkeys(cited.article for cited in draft.citations)
    found = [await knowledge.find_article(tx, slug) for slug in slugs]
    return [f"{article.title}\n{article.body}\n{article.url}" for article in found if article is not None]


def echoes(text: str, given: Iterable[str], names: Iterable[str], quoted: Iterable[str] = ()) -> bool:
    """Whether our text holds a run of the sender's words, their address on the web or their name, none of it quoted."""
    articles = "\n\n".join(quoted)
    folded, own = text.casefold(), articles.casefold()
    called = (name.strip().casefold() for name in names)
    if any(len(name) > 1 and name in folded and name not in own for name in called):
        return True
    runs, addresses = _runs(text) - _runs(articles), _addresses(text) - _addresses(articles)
    return any(runs & _runs(words) or addresses & _addresses(words) for words in given)


def _runs(text: str) -> set[tuple[str, ...]]:
    words = WORD.findall(text.casefold())
    return {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


def _addresses(text: str) -> set[str]:
    return set(re.findall(r"https?://[^\s<>\"')]{1,500}|\b[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}/[^\s<>\"')]{1,500}", text))
