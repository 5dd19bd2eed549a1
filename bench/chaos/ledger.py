"""The ledger: every message that was accepted against its one outcome, in the database and at the stand-ins."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import psycopg
from psycopg.rows import class_row

from bench.chaos.load import Sent

Verdict = Literal["replied", "escalated", "quiet", "failed", "unknown", "lost", "doubled"]
ARRIVED: Final = ("sent", "delivered", "read")
WITHHELD: Final = "an operator took over"

OUTCOMES: Final = """
    select i.channel, i.payload ->> 'sender' as sender, i.provider_id, i.outcome, d.action,
           d.created_at as decided_at, reply.id as reply_id, e.id as escalation_id, e.notice,
           (select count(*) from decisions x where x.message_id = i.message_id) as decisions
      from inbound i
      left join decisions d on d.message_id = i.message_id
      left join messages reply
             on reply.in_reply_to = i.message_id and reply.kind = 'outbound' and reply.author = 'agent'
      left join escalations e on e.message_id = i.message_id
     order by i.received_at, i.id
"""
DELIVERIES: Final = """
    select id::text, message_id, channel, state, detail, attempted_at from deliveries order by message_id, position
"""


@dataclass(frozen=True, slots=True)
class Row:
    """An inbound message with what was decided on it; one row for each reply that it got."""

    channel: str
    sender: str
    provider_id: str
    outcome: str
    action: str | None
    decided_at: datetime | None
    reply_id: Any
    escalation_id: Any
    notice: str | None
    decisions: int


@dataclass(frozen=True, slots=True)
class Delivery:
    id: str
    message_id: Any
    channel: str
    state: str
    detail: str
    attempted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Books:
    """What the database and the stand-ins say; `taken` counts by our delivery's id."""

    rows: Sequence[Row]
    deliveries: Sequence[Delivery]
    taken: Mapping[str, int]


@dataclass(slots=True)
class Line:
    """One line of the ledger."""

    came_in: int = 0
    replied: int = 0
    escalated: int = 0
    quiet: int = 0
    failed: int = 0
    unknown: int = 0
    lost: int = 0
    doubled: int = 0

    @property
    def went_out(self) -> int:
        return self.replied + self.escalated + self.quiet

    def add(self, verdict: Verdict) -> None:
        self.came_in += 1
        setattr(self, verdict, getattr(self, verdict) + 1)


@dataclass
class Ledger:
    """`strangers` are messages at a provider of which we have no record; `notices_doubled` are mails to owners."""

    channels: dict[str, Line] = field(default_factory=lambda: defaultdict(Line))
    faults: dict[str, Line] = field(default_factory=lambda: defaultdict(Line))
    total: Line = field(default_factory=Line)
    wrong: list[str] = field(default_factory=list[str])
    strangers: int = 0
    notices: int = 0
    notices_doubled: int = 0
    refused: int = 0  # never accepted: nobody promised anything

    @property
    def is_clean(self) -> bool:
        return not (self.total.lost or self.total.doubled or self.strangers or self.refused)


def read_books(connection: psycopg.Connection, taken: Mapping[str, Sequence[float]]) -> Books:
    with connection.cursor(row_factory=class_row(Row)) as cursor:
        rows = cursor.execute(OUTCOMES).fetchall()
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        deliveries = cursor.execute(DELIVERIES).fetchall()
    return Books(rows, deliveries, {name: len(times) for name, times in taken.items()})


def reconcile(sent: Iterable[Sent], books: Books) -> Ledger:
    """Each message that was accepted has exactly one verdict."""
    ledger = Ledger()
    rows: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in books.rows:
        rows[key_of(row)].append(row)
    parts: defaultdict[Any, list[Delivery]] = defaultdict(list)
    for delivery in books.deliveries:
        parts[delivery.message_id].append(delivery)
    for message in sent:
        if message.accepted_at is None:
            ledger.refused += 1
            continue
        found = rows.get((message.channel, message.key), [])
        verdict, why = judge(found, lambda row: parts.get(row.reply_id, []), books.taken)
        for line in (ledger.channels[message.channel], ledger.faults[message.fault], ledger.total):
            line.add(verdict)
        if verdict in ("lost", "doubled", "failed", "unknown"):
            ledger.wrong.append(f"{verdict}: {message.channel} {message.key} during {message.fault}: {why}")
    _count_the_rest(ledger, books)
    return ledger


def key_of(row: Row) -> tuple[str, str]:
    return row.channel, row.provider_id if row.channel == "whatsapp" else row.sender


def judge(
    rows: Sequence[Row], parts_of: Callable[[Row], Sequence[Delivery]], taken: Mapping[str, int]
) -> tuple[Verdict, str]:
    """What became of one message, and why."""
    if not rows:
        return "lost", "accepted, and there is no inbound row"
    if len(rows) > 1 or rows[0].decisions > 1:
        return "doubled", f"{len(rows)} rows, {rows[0].decisions} decisions"
    row = rows[0]
    if row.outcome != "filed":
        return "lost", f"the inbound row says {row.outcome}"
    if row.decided_at is None:
        return "lost", "no decision"
    if row.reply_id is not None:
        verdict = _judge_parts(parts_of(row), taken)
        if verdict is not None:
            return verdict
    if row.escalation_id is not None:
        return "escalated", ""
    if row.reply_id is not None:
        return "replied", ""
    return ("quiet", "") if row.action in ("silent", "ignored", "held") else ("lost", f"{row.action} without a reply")


def _judge_parts(parts: Sequence[Delivery], taken: Mapping[str, int]) -> tuple[Verdict, str] | None:
    """None when every part of the reply is where it should be."""
    found = [(part, _at_provider(part, taken)) for part in parts]
    if not found:
        return "lost", "a reply without a delivery"
    for part, times in found:
        if times > 1:
            return "doubled", f"the provider has delivery {part.id} {times} times"
    for part, times in found:
        if part.state == "unknown":
            return "unknown", f"delivery {part.id}: {part.detail}"
        if part.state == "failed" and part.detail == WITHHELD:
            return "quiet", ""
        if part.state == "failed":
            return "failed", f"delivery {part.id}: {part.detail}"
        if part.state not in ARRIVED or times == 0:
            return "lost", f"delivery {part.id} is {part.state}, the provider has it {times} times"
    return None


def _at_provider(part: Delivery, taken: Mapping[str, int]) -> int:
    """The form's answers stand on our own page."""
    return int(part.state in ARRIVED) if part.channel == "web_form" else taken.get(part.id, 0)


def _count_the_rest(ledger: Ledger, books: Books) -> None:
    known = {delivery.id for delivery in books.deliveries}
    notices = {f"notice-{row.escalation_id}" for row in books.rows if row.escalation_id is not None}
    seen = Counter({name: times for name, times in books.taken.items() if name in notices})
    ledger.notices = len(seen)
    ledger.notices_doubled = sum(times - 1 for times in seen.values())
    ledger.strangers = sum(times for name, times in books.taken.items() if name not in known | notices)


def spoke_after_takeover(books: Books, taken_over: Mapping[str, datetime]) -> list[str]:
    """Automatic replies that began to leave after an operator had the conversation; by sender."""
    replies = {row.reply_id: row.sender for row in books.rows if row.reply_id is not None and row.sender in taken_over}
    return [
        f"{replies[part.message_id]}: delivery {part.id} left after the takeover"
        for part in books.deliveries
        if part.message_id in replies
        and part.state in ARRIVED
        and part.attempted_at is not None
        and part.attempted_at > taken_over[replies[part.message_id]]
    ]
