"""All SQL on how vectors are kept: whose are searched, the index over many of them, and the search that uses it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow, class_row

from deskhand.db import Tx
from deskhand.knowledge.models import Candidate, Vector
from deskhand.knowledge.queries import BM25_SHARE, vector_literal

POOL: Final = 100  # candidates of each kind that are scored exactly
EF_SEARCH: Final = 100
SAMPLE: Final = 300  # passages that tell how near the collection as a whole is to a query
POSTINGS: Final = 4_000  # of a query's rarest words, that are read to find candidates
LOCK: Final = 7_203_112_028
STATISTICS_LOCK: Final = 7_203_112_029
_PREFIX: Final = "passage_vectors_near_"


def index_name(model: str) -> str:
    return _PREFIX + hashlib.sha256(model.encode()).hexdigest()[:12]


async def find_model(tx: Tx) -> str | None:
    """The model whose vectors are searched; None before anything was loaded."""
    row = await (await tx.execute("select model from knowledge_model")).fetchone()
    return None if row is None else str(row[0])


async def insert_model(tx: Tx, model: str) -> None:
    """Nothing happens when there is one already."""
    await tx.execute("insert into knowledge_model (model) values (%s) on conflict do nothing", (model,))


async def update_model(tx: Tx, model: str) -> None:
    await tx.execute("update knowledge_model set model = %s, changed_at = now() where model <> %s", (model, model))


async def count_vectors(tx: Tx, model: str) -> int:
    cursor = await tx.execute("select count(*) from passage_vectors where model = %s", (model,))
    row = await cursor.fetchone()
    return row[0] if row else 0


async def is_index_supported(tx: Tx) -> bool:
    """Whether this pgvector knows half vectors and scans that go on until enough rows pass the filters."""
    cursor = await tx.execute(
        """
        select string_to_array(substring(extversion from '^\\d+\\.\\d+'), '.')::integer[] >= '{0,8}'
          from pg_extension where extname = 'vector'
        """
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def is_index_ready(tx: Tx, model: str) -> bool:
    cursor = await tx.execute(
        "select indisvalid and indisready from pg_index where indexrelid = to_regclass(%s)", (index_name(model),)
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def list_indexes(tx: Tx) -> list[str]:
    """Of all models, half-built ones included."""
    cursor = await tx.execute(
        """
        select c.relname
          from pg_index i
          join pg_class c on c.oid = i.indexrelid
         where i.indrelid = 'passage_vectors'::regclass and starts_with(c.relname, %s)
         order by 1
        """,
        (_PREFIX,),
    )
    return [str(row[0]) for row in await cursor.fetchall()]


async def try_lock(connection: AsyncConnection[TupleRow]) -> bool:
    """Until the connection ends. Never waits: a session that waits would itself be waited for by the build."""
    row = await (await connection.execute("select pg_try_advisory_lock(%s)", (LOCK,))).fetchone()
    return row is not None and bool(row[0])


async def prepare_build(connection: AsyncConnection[TupleRow], *, megabytes: int) -> None:
    """Memory for the whole graph, no time limit, and no helpers: containers have little shared memory for those."""
    await connection.execute(
        """
        select set_config('maintenance_work_mem', %s, false), set_config('statement_timeout', '0', false),
               set_config('max_parallel_maintenance_workers', '0', false)
        """,
        (f"{megabytes}MB",),
    )


async def create_index(connection: AsyncConnection[TupleRow], model: str, *, dimensions: int) -> None:
    """Takes seconds to minutes and blocks nobody; the connection must not be in a transaction."""
    statement = sql.SQL(
        """
        create index concurrently {name} on passage_vectors
         using hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops) with (m = 16, ef_construction = 64)
         where model = {model}
        """
    )
    await connection.execute(
        statement.format(
            name=sql.Identifier(index_name(model)), dimensions=sql.Literal(dimensions), model=sql.Literal(model)
        )
    )


async def vacuum(connection: AsyncConnection[TupleRow]) -> None:
    """After a load, postings could be read from their index alone, but for pages that are not known to be settled."""
    await connection.execute("vacuum (analyze, skip_locked) passage_terms, passage_vectors, knowledge_base, articles")


async def drop_index(connection: AsyncConnection[TupleRow], name: str) -> None:
    await connection.execute(sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(name)))


async def lock_statistics(tx: Tx) -> None:
    """Two loads that end together count one after the other."""
    await tx.execute("select pg_advisory_xact_lock(%s)", (STATISTICS_LOCK,))


async def delete_collection_statistics(tx: Tx) -> None:
    await tx.execute("delete from collection_statistics")


async def insert_collection_statistics(tx: Tx) -> None:
    await tx.execute(
        """
        insert into collection_statistics (language, passages, mean_length)
        select a.language, count(*), avg(k.term_count)
          from knowledge_base k
          join articles a on a.id = k.article_id
         where a.retired_at is null
         group by a.language
        """
    )


async def delete_term_statistics(tx: Tx) -> None:
    await tx.execute("delete from term_statistics")


async def insert_term_statistics(tx: Tx) -> None:
    await tx.execute(
        """
        insert into term_statistics (term, language, passages)
        select t.term, a.language, count(*)
          from passage_terms t
          join knowledge_base k on k.id = t.passage_id
          join articles a on a.id = k.article_id
         where a.retired_at is null
         group by t.term, a.language
        """
    )


async def analyze_statistics(tx: Tx) -> None:
    await tx.execute("analyze collection_statistics, term_statistics")


async def configure_scan(tx: Tx) -> None:
    """For this transaction: how widely the index is searched, and that filters never leave too few rows."""
    await tx.execute(
        "select set_config('hnsw.ef_search', %s, true), set_config('hnsw.iterative_scan', 'relaxed_order', true)",
        (str(EF_SEARCH),),
    )


async def list_near_candidates(
    tx: Tx,
    terms: Sequence[str],
    vectors: Sequence[Vector],
    *,
    model: str,
    language: str,
    limit: int,
    product: str = "",
    share: float = BM25_SHARE,
) -> list[Candidate]:
    """As `queries.list_candidates`, without looking at every passage.

    The index gives the nearest passages, the rarest words give others; both are then scored exactly and by the same
    mix. The mean over all passages comes from a sample of them. `limit 1` in a lateral query keeps the planner from
    reading whole tables for a few hundred rows.
    """
    statement = sql.SQL(
        """
        with query as materialized (
            select vector from unnest(%(vectors)s::text[]::vector[]) as vector
        ), collection as materialized (
            select greatest(sum(passages), 1)::float8 as passages,
                   greatest(sum(passages * mean_length) / sum(passages), 1)::float8 as length
              from collection_statistics where language in (%(language)s, 'en')
        ), wanted as materialized (
            select g.term, g.place, n.passages,
                   ln(1 + (greatest(c.passages - n.passages, 0) + 0.5) / (n.passages + 0.5)) as weight
              from unnest(%(terms)s::text[]) with ordinality as g (term, place)
             cross join lateral (select coalesce(sum(s.passages), 0)::float8 as passages
                                   from term_statistics s
                                  where s.term = g.term and s.language in (%(language)s, 'en')) n
             cross join collection c
        ), near as materialized (
            select n.passage_id
              from query q
             cross join lateral (
                select v.passage_id
                  from passage_vectors v
                  join knowledge_base k on k.id = v.passage_id
                  join articles_for(%(language)s, %(product)s) a on a.id = k.article_id
                 where v.model = {model}
                 order by v.embedding::halfvec({dimensions}) <=> q.vector::halfvec({dimensions})
                 limit %(pool)s) n
        ), rare as materialized (
            select term, weight
              from (select term, weight, sum(passages) over (order by passages, place) as read from wanted) w
             where read <= %(postings)s
        ), worded as materialized (
            select w.passage_id
              from (select t.passage_id, sum(r.weight) as weight
                      from rare r
                      join passage_terms t using (term)
                     group by t.passage_id
                     order by weight desc, t.passage_id
                     limit %(pool)s * 4) w
              join knowledge_base k on k.id = w.passage_id
              join articles_for(%(language)s, %(product)s) a on a.id = k.article_id
             order by w.weight desc, w.passage_id
             limit %(pool)s
        ), chosen as materialized (
            select passage_id from near union select passage_id from worded
        ), meant as (
            select v.passage_id, max(1 - (v.embedding <=> q.vector)) as cosine,
                   max(1 - (v.heading <=> q.vector)) as heading
              from chosen c
              join passage_vectors v on v.passage_id = c.passage_id and v.model = {model}
             cross join query q
             group by v.passage_id
        ), matched as (
            select t.passage_id, sum(w.weight) / (select sum(weight) from wanted) as coverage,
                   sum(w.weight * t.frequency * 2.2
                       / (t.frequency + 1.2 * (0.25 + 0.75 * k.term_count / c.length))) as bm25
              from chosen x
             cross join lateral (select term_count from knowledge_base where id = x.passage_id limit 1) k
             cross join wanted w
             cross join lateral (select passage_id, frequency from passage_terms
                                  where term = w.term and passage_id = x.passage_id limit 1) t
             cross join collection c
             group by t.passage_id
        ), drawn as materialized (
            select passage_id, embedding
              from passage_vectors tablesample bernoulli (
                       (select least(100, 100.0 * %(sample)s / greatest(sum(passages), 1)) from collection_statistics)
                   ) repeatable (1)
             where model = {model}
             limit %(sample)s + 100
        ), sample as (
            select max(1 - (d.embedding <=> q.vector)) as cosine
              from drawn d
             cross join lateral (select article_id from knowledge_base where id = d.passage_id limit 1) k
              join articles_for(%(language)s, %(product)s) a on a.id = k.article_id
             cross join query q
             group by d.passage_id
        ), spread as materialized (
            select coalesce(avg(cosine), 0) as mean, coalesce(stddev_pop(cosine), 0) as deviation from sample
        ), scored as (
            select c.passage_id, coalesce(m.cosine, 0) as cosine, coalesce(m.heading, 0) as heading,
                   coalesce(w.bm25, 0) as bm25, coalesce(w.coverage, 0) as coverage,
                   coalesce(max(w.bm25) over (), 0) as best
              from chosen c
              left join meant m using (passage_id)
              left join matched w using (passage_id)
        ), nearest as (
            select *, (1 - %(share)s) * cosine + %(share)s * coalesce(bm25 / nullif(best, 0), 0) as mix
              from scored
             order by mix desc, passage_id
             limit %(limit)s
        )
        select k.id as passage_id, a.slug as article, a.title, k.heading, a.url, k.version, k.body, a.language,
               s.cosine, s.heading as heading_cosine, p.mean as cosine_mean, p.deviation as cosine_deviation,
               s.bm25, s.best as bm25_best, s.coverage, s.mix, v.tokens,
               (select coalesce(array_agg(weight order by place), '{{}}') from wanted) as term_weights
          from nearest s
          join knowledge_base k on k.id = s.passage_id
          join articles a on a.id = k.article_id
          left join passage_vectors v on v.passage_id = s.passage_id and v.model = {model}
         cross join spread p
         order by s.mix desc, s.passage_id
        """
    )
    async with tx.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(
            statement.format(model=sql.Literal(model), dimensions=sql.Literal(len(vectors[0].tolist()))),
            {
                "terms": list(terms),
                "vectors": [vector_literal(vector) for vector in vectors],
                "language": language,
                "product": product,
                "share": share,
                "limit": limit,
                "pool": POOL,
                "postings": POSTINGS,
                "sample": SAMPLE,
            },
        )
        return await cursor.fetchall()
