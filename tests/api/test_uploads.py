"""Files with the form: up to the limits, what they say they are, stored with the message or not at all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deskhand.api.file_types import EICAR
from deskhand.desk import Desk
from deskhand.settings import Settings
from tests.api.asking import KEY, QUESTION, bearer, count, file_all, rows_of, speak
from tests.api.test_file_types import DOCX, PDF, PNG
from tests.api.test_pages import BROWSER, open_form

SCRIPT = {"Accept": "application/json"}
Upload = tuple[str, bytes, str]


def upload(*files: tuple[str, bytes]) -> list[tuple[str, Upload]]:
    return [("files", (name, content, "text/html")) for name, content in files]


async def post(client: httpx.AsyncClient, *files: tuple[str, bytes], key: str = "", **fields: str) -> httpx.Response:
    headers = SCRIPT | ({"Idempotency-Key": key} if key else {})
    return await client.post("/support/submit", data=QUESTION | fields, files=upload(*files), headers=headers)


async def read(client: httpx.AsyncClient, answer: dict[str, str]) -> dict[str, Any]:
    response = await client.get(f"/support/ticket/{answer['reference']}", headers=bearer(answer["access_token"]))
    return response.json()


async def test_files_are_kept_with_the_message_and_come_back_unchanged(client: httpx.AsyncClient, desk: Desk) -> None:
    response = await post(client, ("shot.png", PNG), ("Brief für Sie.docx", DOCX))
    assert response.status_code == 202, response.text
    answer = response.json()
    before = (await read(client, answer))["messages"][0]["files"]
    assert [(file["name"], file["url"]) for file in before] == [("shot.png", None), ("Brief für Sie.docx", None)]
    await file_all(desk)

    found = (await read(client, answer))["messages"][0]["files"]
    assert [(file["name"], file["size"]) for file in found] == [("shot.png", 72), ("Brief für Sie.docx", len(DOCX))]
    for file, content in zip(found, (PNG, DOCX), strict=True):
        got = await client.get(file["url"], params={"token": answer["access_token"]})
        assert got.content == content


async def test_a_file_is_saved_and_never_shown(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = (await post(client, ('we"ird\\ näme.txt', b"hello"))).json()
    await file_all(desk)
    (file,) = (await read(client, answer))["messages"][0]["files"]

    got = await client.get(file["url"], params={"token": answer["access_token"]})
    assert got.headers["content-disposition"].startswith('attachment; filename="n_me.txt"; filename*=UTF-8')
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert got.headers["cache-control"] == "no-store"


async def test_nobody_else_gets_a_file(client: httpx.AsyncClient, desk: Desk) -> None:
    mine, other = (await post(client, ("a.txt", b"mine"))).json(), (await post(client, ("b.txt", b"other"))).json()
    await file_all(desk)
    client.cookies.clear()
    url = (await read(client, mine))["messages"][0]["files"][0]["url"]

    for address, params in [
        (url, {}),
        (url, {"token": other["access_token"]}),
        (url.replace(mine["reference"], other["reference"]), {"token": other["access_token"]}),
        (url[:-1] + "x", {"token": mine["access_token"]}),
    ]:
        response = await client.get(address, params=params)
        assert response.status_code == 404, address
        assert b"mine" not in response.content


async def test_a_file_of_a_note_stays_with_us(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = (await post(client, ("a.txt", b"hello"))).json()
    await file_all(desk)
    await speak(desk, answer["reference"], "See the file.", kind="note", author="operator")
    (file,) = (await read(client, answer))["messages"][0]["files"]
    async with desk.db.transaction() as tx:
        await tx.execute("update message_files set message_id = (select id from messages where kind = 'note')")

    assert (await client.get(file["url"], params={"token": answer["access_token"]})).status_code == 404
    assert (await read(client, answer))["messages"][0]["files"] == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("picture.png", PDF, "not what its name says"),
        ("notes.txt", EICAR, "can't be taken"),
        ("page.html", b"<p>hello</p>", "can't be taken"),
        ("empty.txt", b"", "is empty"),
    ],
)
async def test_a_file_that_can_not_be_taken_is_named_and_nothing_is_stored(
    client: httpx.AsyncClient, desk: Desk, name: str, content: bytes, words: str
) -> None:
    response = await post(client, ("fine.txt", b"fine"), (name, content))

    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["field"] == "files"
    assert f"“{name}”" in error["message"]
    assert words in error["message"]
    assert error["mend"]
    assert set((await rows_of(desk.db)).values()) == {0}


class TestSmallLimits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        small = {"file_max_bytes": 2_000, "message_files_max_bytes": 5_000, "form_files_max": 3}
        return settings.model_copy(update=small)

    async def test_a_file_over_the_limit_is_named(self, client: httpx.AsyncClient, desk: Desk) -> None:
        response = await post(client, ("ok.txt", b"x" * 2_000), ("long.txt", b"x" * 2_001))

        assert "“long.txt” is larger than 0.002 MB" in response.json()["errors"][0]["message"]
        assert len(response.json()["errors"]) == 1

    async def test_files_over_the_sum_are_refused(self, client: httpx.AsyncClient, desk: Desk) -> None:
        response = await post(client, *((f"{number}.txt", b"x" * 1_800) for number in range(3)))

        assert response.status_code == 422
        assert "With “2.txt” the files are larger than" in response.json()["errors"][0]["message"]

    async def test_one_file_too_many_is_refused(self, client: httpx.AsyncClient) -> None:
        response = await post(client, *((f"{number}.txt", b"x") for number in range(4)))

        assert "“3.txt” is one file too many" in response.json()["errors"][0]["message"]

    async def test_a_plain_form_shows_which_file_and_keeps_what_was_typed(self, client: httpx.AsyncClient) -> None:
        key = await open_form(client)
        fields = QUESTION | {"idempotency_key": key}
        response = await client.post(
            "/support/submit", data=fields, files=upload(("long.txt", b"x" * 2_001)), headers=BROWSER
        )

        assert response.status_code == 422
        assert "“long.txt” is larger than" in response.text
        assert 'id="files-error"' in response.text
        assert QUESTION["message"] in response.text
        assert key in response.text

    async def test_a_body_over_the_whole_limit_is_cut_off_while_it_comes(
        self, client: httpx.AsyncClient, desk: Desk, settings: Settings
    ) -> None:
        sent = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal sent
            yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
            for _ in range(31):
                sent += 1_000_000
                yield b"x" * 1_000_000

        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        streamed = await client.post("/support/submit", content=body(), headers=SCRIPT | kind)
        assert streamed.status_code == 413
        assert sent <= settings.max_body_bytes + settings.message_files_max_bytes + 2_000_000
        page = await client.post("/support/submit", content=b"x" * 400_000, headers=BROWSER | kind)
        assert page.status_code == 413
        assert "Your files are too large" in page.text
        assert set((await rows_of(desk.db)).values()) == {0}

    async def test_only_the_form_takes_more_than_other_endpoints(self, client: httpx.AsyncClient) -> None:
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        response = await client.post("/test/queue", content=b"x" * 258_000, headers=kind)

        assert response.status_code == 413


async def test_ten_thousand_parts_are_given_up_early(client: httpx.AsyncClient, desk: Desk) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n'
    body = b"".join(part % number for number in range(10_000)) + b"--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    response = await client.post("/support/submit", content=body, headers=SCRIPT | kind)

    assert response.status_code == 400
    assert set((await rows_of(desk.db)).values()) == {0}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=" + "x" * 71, b""),
        ("multipart/form-data; boundary=x", b"{}"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\na@b'),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n1\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\r\n--x--\r\n',
        ),
    ],
)
async def test_a_body_that_is_no_form_is_refused(
    client: httpx.AsyncClient, desk: Desk, content_type: str, body: bytes
) -> None:
    response = await client.post("/support/submit", content=body, headers=SCRIPT | {"Content-Type": content_type})

    assert response.status_code == 400
    assert set((await rows_of(desk.db)).values()) == {0}


async def test_a_file_under_another_name_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/support/submit", data=QUESTION, files={"avatar": ("a.png", PNG, "image/png")}, headers=SCRIPT
    )

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "avatar"


async def test_a_form_without_a_chosen_file_has_none(client: httpx.AsyncClient, desk: Desk) -> None:
    response = await post(client, ("", b""))

    assert response.status_code == 202
    assert await count(desk.db, "select count(*) from files") == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\dana\\a.txt", "a.txt"),
        ("...hidden.txt", "hidden.txt"),
        ("invoice\u202etxt.txt", "invoicetxt.txt"),
    ],
)
async def test_a_name_is_never_a_path(client: httpx.AsyncClient, desk: Desk, given: str, kept: str) -> None:
    assert (await post(client, (given, b"hello"))).status_code == 202

    assert await count(desk.db, "select count(*) from files where name = %s", kept) == 1


async def test_one_key_with_the_same_files_counts_once_and_with_others_is_a_conflict(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    first, second = [await post(client, ("a.txt", b"one"), key=KEY) for _ in range(2)]
    other = await post(client, ("a.txt", b"two"), key=KEY)

    assert first.json() == second.json()
    assert other.status_code == 409
    assert await count(desk.db, "select count(*) from files") == 1


async def test_a_browser_without_script_sends_files_too(client: httpx.AsyncClient, desk: Desk) -> None:
    fields = QUESTION | {"idempotency_key": await open_form(client)}
    response = await client.post("/support/submit", data=fields, files=upload(("a.txt", b"hello")), headers=BROWSER)
    assert response.status_code == 303
    await file_all(desk)

    page = (await client.get(response.headers["location"], headers=BROWSER)).text
    link = re.search(r'<a href="([^"]+/files/[^"]+)" download><bdi>a.txt</bdi></a>', page)
    assert link is not None
    assert (await client.get(link[1])).content == b"hello"
