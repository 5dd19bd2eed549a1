"""The fingerprint of the articles that a turn stood on."""

from __future__ import annotations

import time

from deskhand.knowledge import Fingerprint
from tests.knowledge.library import Library

ARTICLE = "# {title}\n\nPress the button called {title} and wait."


async def read(library: Library, fingerprint: Fingerprint) -> str:
    async with library.db.transaction() as tx:
        return await fingerprint.read(tx)


async def test_it_changes_with_every_article_that_is_added_changed_or_retired(library: Library) -> None:
    fingerprint = Fingerprint()
    seen = [await read(library, fingerprint)]
    for title in ("Labels", "Boards"):
        library.write({f"{title.lower()}.md": ARTICLE.format(title=title)})
        await library.load()
        seen.append(await read(library, fingerprint))
    library.write({"boards.md": ARTICLE.format(title="Boards") + " Done."})
    await library.load()
    seen.append(await read(library, fingerprint))
    (library.folder / "boards.md").unlink()
    await library.load()
    seen.append(await read(library, fingerprint))

    assert len(set(seen[:4])) == 4
    assert seen[4] == seen[1]


async def test_a_load_that_changes_nothing_leaves_it_and_another_process_sees_the_same(library: Library) -> None:
    library.write({"labels.md": ARTICLE.format(title="Labels")})
    await library.load()
    first = await read(library, Fingerprint())
    await library.load()

    assert await read(library, Fingerprint()) == first


async def test_reading_it_again_takes_no_time_to_speak_of(library: Library) -> None:
    fingerprint = Fingerprint()
    async with library.db.transaction() as tx:
        await tx.execute(
            """
            insert into articles (id, slug, family, title, source, path, content_hash, body)
            select gen_random_uuid(), 'article-' || n, 'article-' || n, 'Article', 'test', n::text, '\\x00',
                   repeat('words ', 300)
              from generate_series(1, 2000) n
            """
        )
        await tx.execute("analyze articles")
        await fingerprint.read(tx)
        spent: list[float] = []
        for _ in range(20):
            started = time.perf_counter()
            await fingerprint.read(tx)
            spent.append(time.perf_counter() - started)

    assert sorted(spent)[len(spent) // 2] < 0.01
