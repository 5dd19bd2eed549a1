"""All SQL on articles, passages, their vectors and their terms: one statement a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from deskhand.db import Tx
from deskhand.ids import uuid7
from deskhand.knowledge.models import (
    Article,
    ArticleState,
    Candidate,
    Document,
    Embedded,
    LiveArticles,
    Passage,
    PassageText,
    Vector,
)

# The part that words play beside meaning. Tuned by bench/retrieval.py on the sets that it names.
BM25_SHARE: Final = 0.1


async def find_article(tx: Tx, slug: str) -> Article | None:
    async with tx.cursor(row_factory=class_row(Article)) as cursor:
        await cursor.execute(
            """
            select id, slug, title, section, language, product, url, source, version, body, keywords, retired_at,
                   updated_at
              from articles where slug = %s
            """,
            (slug,),
        )
        return await cursor.fetchone()


async def list_articles(tx: Tx, *, source: str | None) -> list[Article]:
    async with tx.cursor(row_factory=class_row(Article)) as cursor:
        await cursor.execute(
            """
            select id, slug, title, section, language, product, url, source, version, body, keywords, retired_at,
                   updated_at
              from articles
             where retired_at is null and (%(source)s::text is null or source = %(source)s)
             order by section, slug
            """,
            {"source": source},
        )
        return await cursor.fetchall()


async def list_states(tx: Tx) -> list[ArticleState]:
    async with tx.cursor(row_factory=class_row(ArticleState)) as cursor:
        await cursor.execute(
            "select slug, source, path, content_hash, retired_at is not null as retired from articles order by slug"
        )
        return await cursor.fetchall()


async def count_live(tx: Tx) -> LiveArticles:
    async with tx.cursor(row_factory=class_row(LiveArticles)) as cursor:
        await cursor.execute(
            """
            select count(*) as count, coalesce(sum(version), 0) as versions, max(updated_at) as updated_at
              from articles where retired_at is null
            """
        )
        found = await cursor.fetchone()
        assert found is not None
        return found


async def hash_live(tx: Tx) -> str:
    cursor = await tx.execute(
        """
        select encode(sha256(convert_to(coalesce(listed, ''), 'UTF8')), 'hex')
          from (select string_agg(slug || ' ' || version, ',' order by slug) as listed
                  from articles where retired_at is null) live
        """
    )
    row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


async def upsert_article(tx: Tx, document: Document, *, source: str, content_hash: bytes) -> tuple[UUID, int] | None:
    """The article's id and version; None when this content is already there, or the slug is another source's."""
    cursor = await tx.execute(
        """
        insert into articles (id, slug, family, title, section, language, product, url, source, path, content_hash,
                              body, keywords)
        values (%(id)s, %(slug)s, %(family)s, %(title)s, %(section)s, %(language)s, %(product)s, %(url)s, %(source)s,
                %(path)s, %(hash)s, %(body)s, %(keywords)s)
            on conflict (slug) do update
           set family = excluded.family, title = excluded.title, section = excluded.section,
               language = excluded.language, product = excluded.product, url = excluded.url,
               path = excluded.path, content_hash = excluded.content_hash, body = excluded.body,
               keywords = excluded.keywords,
               version = articles.version + 1, retired_at = null, updated_at = now()
         where articles.source = excluded.source
           and (articles.content_hash <> excluded.content_hash or articles.retired_at is not null)
        returning id, version
        """,
        {
            "id": uuid7(),
            "slug": document.slug,
            "family": document.family,
            "title": document.title,
            "section": document.section,
            "language": document.language,
            "product": document.product,
            "url": document.url,
            "source": source,
            "path": document.path,
            "hash": content_hash,
            "body": document.body,
            "keywords": list(document.keywords),
        },
    )
    row = await cursor.fetchone()
    return None if row is None else (row[0], row[1])


async def retire_article(tx: Tx, slug: str) -> bool:
    """False: there was nothing to retire."""
    cursor = await tx.execute(
        "update articles set retired_at = now(), updated_at = now() where slug = %s and retired_at is null", (slug,)
    )
    return cursor.rowcount > 0


async def delete_passages(tx: Tx, article_id: UUID) -> None:
    """With their vectors and terms."""
    await tx.execute("delete from knowledge_base where article_id = %s", (article_id,))


async def insert_passages(tx: Tx, passages: Sequence[Passage]) -> None:
    async with tx.cursor() as cursor:
        await cursor.executemany(
            """
            insert into knowledge_base (id, article_id, version, position, heading, body, term_count)
            values (%s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (passage.id, passage.article_id, passage.version, passage.position, passage.heading, passage.body,
                 passage.term_count)
                for passage in passages
            ],
        )  # fmt: skip


async def insert_terms(tx: Tx, passage_id: UUID, frequencies: Mapping[str, int]) -> None:
    await tx.execute(
        """
        insert into passage_terms (passage_id, term, frequency)
        select %s, term, frequency from unnest(%s::text[], %s::integer[]) as counted (term, frequency)
        """,
        (passage_id, list(frequencies), list(frequencies.values())),
    )


async def upsert_vectors(tx: Tx, model: str, passage_id: UUID, embedded: Embedded) -> None:
    """Nothing happens when the passage has gone by now."""
    await tx.execute(
        """
        insert into passage_vectors (model, passage_id, embedding, heading, tokens)
        select %s, id, %s::vector, %s::vector, %s from knowledge_base where id = %s
            on conflict (model, passage_id) do update
           set embedding = excluded.embedding, heading = excluded.heading, tokens = excluded.tokens
        """,
        (model, vector_literal(embedded.whole), vector_literal(embedded.heading), embedded.tokens, passage_id),
    )


async def refresh_statistics(tx: Tx) -> None:
    """Right after a load the planner knows nothing of it, and searches would take several times as long."""
    await tx.execute("analyze articles, knowledge_base, passage_vectors, passage_terms")


async def list_without_vectors(tx: Tx, model: str, *, tokens: bool, limit: int) -> list[PassageText]:
    """With `tokens`, those whose vectors came without tokens count too."""
    async with tx.cursor(row_factory=class_row(PassageText)) as cursor:
        await cursor.execute(
            """
            select k.id as passage_id, a.title, k.heading, k.body
              from knowledge_base k
              join articles a on a.id = k.article_id
             where a.retired_at is null
               and not exists (select from passage_vectors v
                                where v.passage_id = k.id and v.model = %s and (v.tokens is not null or not %s))
             order by k.id
             limit %s
            """,
            (model, tokens, limit),
        )
        return await cursor.fetchall()


async def count_without_vectors(tx: Tx, model: str, *, tokens: bool) -> int:
    cursor = await tx.execute(
        """
        select count(*)
          from knowledge_base k
          join articles a on a.id = k.article_id
         where a.retired_at is null
           and not exists (select from passage_vectors v
                            where v.passage_id = k.id and v.model = %s and (v.tokens is not null or not %s))
        """,
        (model, tokens),
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


async def delete_other_vectors(tx: Tx, model: str) -> int:
    cursor = await tx.execute("delete from passage_vectors where model <> %s", (model,))
    return cursor.rowcount


async def list_candidates(
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
    """The passages nearest to a query: by cosine to the closest of its vectors and by BM25, in a mix of scores.

    Rank fusion would throw the distances away and was the worst choice measured: see bench/retrieval.py. English
    passages are left out where their article exists in `language`, and those of another product. What has no vector of
    the model, or none of the words, counts as zero there.
    """
    async with tx.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(
            """
            with eligible as materialized (
                select k.id, k.term_count
                  from knowledge_base k
                  join articles_for(%(language)s, %(product)s) a on a.id = k.article_id
            ), collection as (
                select count(*)::float8 as passages, greatest(avg(term_count), 1)::float8 as length from eligible
            ), postings as materialized (
                select t.term, t.passage_id, t.frequency, e.term_count
                  from passage_terms t
                  join eligible e on e.id = t.passage_id
                 where t.term = any(%(terms)s::text[])
            ), wanted as materialized (
                select term, place, ln(1 + (c.passages - n.passages + 0.5) / (n.passages + 0.5)) as weight
                  from (select term, place, count(p.passage_id)::float8 as passages
                          from unnest(%(terms)s::text[]) with ordinality as given (term, place)
                          left join postings p using (term)
                         group by term, place) n
                 cross join collection c
            ), worded as (
                select p.passage_id, sum(w.weight) / (select sum(weight) from wanted) as coverage,
                       sum(w.weight * p.frequency * 2.2
                           / (p.frequency + 1.2 * (0.25 + 0.75 * p.term_count / c.length))) as bm25
                  from postings p
                  join wanted w using (term)
                 cross join collection c
                 group by p.passage_id
            ), meant as (
                select v.passage_id, max(1 - (v.embedding <=> q.vector)) as cosine,
                       max(1 - (v.heading <=> q.vector)) as heading
                  from passage_vectors v
                  join eligible e on e.id = v.passage_id
                 cross join unnest(%(vectors)s::text[]::vector[]) as q (vector)
                 where v.model = %(model)s
                 group by v.passage_id
            ), scored as (
                select e.id, coalesce(m.cosine, 0) as cosine, coalesce(m.heading, 0) as heading,
                       coalesce(w.bm25, 0) as bm25, coalesce(w.coverage, 0) as coverage,
                       coalesce(max(w.bm25) over (), 0) as best,
                       coalesce(avg(m.cosine) over (), 0) as mean,
                       coalesce(stddev_pop(m.cosine) over (), 0) as deviation
                  from eligible e
                  left join meant m on m.passage_id = e.id
                  left join worded w on w.passage_id = e.id
                 where m.passage_id is not null or w.passage_id is not null
            ), nearest as (
                select *, (1 - %(share)s) * cosine + %(share)s * coalesce(bm25 / nullif(best, 0), 0) as mix
                  from scored
                 order by mix desc, id
                 limit %(limit)s
            )
            select k.id as passage_id, a.slug as article, a.title, k.heading, a.url, k.version, k.body, a.language,
                   s.cosine, s.heading as heading_cosine, s.mean as cosine_mean, s.deviation as cosine_deviation,
                   s.bm25, s.best as bm25_best, s.coverage, s.mix, v.tokens,
                   (select coalesce(array_agg(weight order by place), '{}') from wanted) as term_weights
              from nearest s
              join knowledge_base k on k.id = s.id
              join articles a on a.id = k.article_id
              left join passage_vectors v on v.passage_id = s.id and v.model = %(model)s
             order by s.mix desc, s.id
            """,
            {
                "terms": list(terms),
                "vectors": [vector_literal(vector) for vector in vectors],
                "model": model,
                "language": language,
                "product": product,
                "share": share,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


def vector_literal(vector: Vector) -> str:
    """As pgvector reads it."""
    return "[" + ",".join(f"{value:.7g}" for value in vector.tolist()) + "]"
