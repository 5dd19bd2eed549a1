"""Migration 0005: what was one row with all parts becomes one row a part, and what waits is still sent in order."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deskhand.db import list_migrations

NAME = "0005_channels.sql"
BEFORE = """
insert into customers (id) values ('00000000-0000-0000-0000-000000000001');
insert into conversations (id, customer_id, channel)
values ('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', 'whatsapp');
insert into messages (id, conversation_id, kind, author, body)
values ('00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000002', 'outbound', 'agent', 'x'),
       ('00000000-0000-0000-0000-000000000004', '00000000-0000-0000-0000-000000000002', 'outbound', 'agent', 'y');
insert into deliveries (id, message_id, channel, recipient, parts, state, provider_id)
values ('00000000-0000-0000-0000-000000000005', '00000000-0000-0000-0000-000000000003', 'whatsapp', '+49',
        array['one', 'two', 'three'], 'queued', null),
       ('00000000-0000-0000-0000-000000000006', '00000000-0000-0000-0000-000000000004', 'whatsapp', '+49',
        array['alone'], 'sent', 'SM1');
insert into queue_lanes (topic, key, pending, due_at) values ('deskhand.deliveries', 'c', 1, now());
insert into message_queue (topic, key, payload)
values ('deskhand.deliveries', 'c', '{"delivery_id": "00000000-0000-0000-0000-000000000005"}');
"""


def test_existing_deliveries_are_carried_over_and_queued_in_order(conninfo: str) -> None:
    name = f"{conninfo_to_dict(conninfo)['dbname']}_old"
    migrations = list_migrations()
    with psycopg.connect(conninfo, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            with psycopg.connect(make_conninfo(conninfo, dbname=name), autocommit=True) as connection:
                for file, text in migrations:
                    if file == NAME:
                        connection.execute(BEFORE)
                    if file <= NAME:
                        with connection.transaction():
                            connection.execute(text)
                rows = _read(connection)
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    assert rows == (
        [(1, "one", "queued", None), (2, "two", "queued", None), (3, "three", "queued", None)],
        [(1, "alone", "sent", "SM1")],
        ["one", "two", "three"],
        3,
    )


def _read(connection: psycopg.Connection[Any]) -> tuple[Any, ...]:
    def parts(message: int) -> list[Any]:
        return connection.execute(
            """
            select position, body, state, provider_id from deliveries
             where message_id = ('00000000-0000-0000-0000-00000000000' || %s)::uuid order by position
            """,
            (str(message),),
        ).fetchall()

    queued = connection.execute(
        """
        select d.body from message_queue q join deliveries d on d.id::text = q.payload ->> 'delivery_id' order by q.id
        """
    ).fetchall()
    lane = connection.execute("select pending from queue_lanes").fetchone()
    assert lane is not None
    return parts(3), parts(4), [row[0] for row in queued], lane[0]
