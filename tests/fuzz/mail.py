"""A mutation fuzzer of the whole path from bytes to a classified mail.

    python -m tests.fuzz.mail --executions 1000000 [--processes 2] [--seed 1]

Mutations know the structure of mail: header lines, boundaries, encoded words, charsets, tags and quotes are moved,
repeated, cut and crossed between the recorded fixtures. Every run of one seed does the same. Exits with 1 when
anything raised, was slow or broke an invariant, and prints the input in base64.
"""

from __future__ import annotations

import argparse
import base64
import json
import multiprocessing
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from deskhand.channels.mail import authenticated, classify, delivery_reports, read_mail, thread_ids

PAYLOADS = Path(__file__).parents[1] / "channels" / "payloads" / "email"
SLOW = 2.0
MOST_MEMORY = 256
LONGEST = 200_000
WORDS = (
    *(
        b"=?utf-8?q?a=0d=0ab?=",
        b"=?x-bogus?b?////?=",
        b"=?utf-8?b?4oCu?=",
        b"charset=utf-7",
        b"charset=\0",
        b"charset=hz",
    ),
    *(b'boundary=""', b"boundary=a", b"\r\n--a\r\n", b"--a--", b"Content-Type: multipart/mixed; boundary=a\r\n"),
    *(b"Content-Type: message/rfc822\r\n\r\n", b"Content-Transfer-Encoding: base64\r\n", b"filename*0*=utf-8''%ff;"),
    *(b"<style>.x{display:none}</style>", b"<p hidden>", b"<!--", b"</div>", b"&#99999999999;", b"<a b='"),
    *(
        b"\n> ",
        b"\n-- \n",
        b"\nOn Mon, 1 Jan 2026 at 10:00 A <a@b.c> wrote:\n",
        b"\nFrom: a\nSent: b\nTo: c\n",
        b"(((",
        b'"\\',
    ),
    *(
        b"Message-ID: <a@[b\r\n",
        b"References: <> <a@b> <\r\n",
        b"Return-Path: <>\r\n",
        b"Auto-Submitted: auto-replied\r\n",
    ),
    *(b"\0", b"\xff\xfe", b"\x1b$B", b"\xf3\xa0\x81\x81", b"\xe2\x80\xae", b"\r", b"\n\n", b" ", b"\t", b";" * 50),
)


@dataclass(slots=True)
class Outcome:
    executions: int = 0
    crashes: int = 0
    slowest_ms: float = 0.0
    slowest_bytes: int = 0
    peak_mb: int = 0
    seconds: float = 0.0
    inputs: list[str] = field(default_factory=list[str])


@cache
def seeds() -> tuple[bytes, ...]:
    return tuple(file.read_bytes() for file in sorted(PAYLOADS.glob("*.eml")))


def mutate(sources: Sequence[bytes], number: int) -> bytes:
    """The input of one execution; the same number gives the same input."""
    dice = random.Random(number)
    data = bytearray(dice.choice(sources))
    for _ in range(dice.choice((1, 1, 2, 3, 5, 8))):
        dice.choice(MUTATIONS)(dice, data, sources)
        del data[LONGEST:]
    return bytes(data)


def _flip(dice: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        for _count in range(dice.randint(1, 8)):
            data[dice.randrange(len(data))] = dice.randrange(256)


def _insert(dice: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = dice.randint(0, len(data))
    data[at:at] = dice.choice(WORDS) * dice.choice((1, 1, 1, 3, 50))


def _cut(dice: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = dice.randint(0, len(data))
    del data[at : at + dice.choice((1, 10, 100, 1_000))]


def _repeat(dice: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = dice.randint(0, len(data))
    piece = bytes(data[at : at + dice.choice((1, 8, 80, 400))])
    data[at:at] = piece * dice.choice((1, 2, 10, 60))


def _lines(dice: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    """Swap, drop or double whole lines."""
    lines = bytes(data).split(b"\n")
    one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    choice = dice.randrange(3)
    if choice == 0:
        lines[one], lines[other] = lines[other], lines[one]
    elif choice == 1:
        del lines[one]
    else:
        lines.insert(other, lines[one])
    data[:] = b"\n".join(lines)


def _cross(dice: random.Random, data: bytearray, sources: Sequence[bytes]) -> None:
    """The head of one mail with a piece of another."""
    other = dice.choice(sources)
    start = dice.randint(0, len(other))
    at = dice.randint(0, len(data))
    data[at:] = other[start:]


def _field(dice: random.Random, data: bytearray, sources: Sequence[bytes]) -> None:
    """A header line of another mail in front."""
    lines = dice.choice(sources).partition(b"\n\n")[0].split(b"\n")
    data[:0] = dice.choice(lines) + b"\n"


MUTATIONS: tuple[Callable[[random.Random, bytearray, Sequence[bytes]], None], ...] = (
    *(_flip, _insert, _insert, _insert, _cut, _repeat, _lines, _cross, _field),
)


def check(raw: bytes) -> None:
    """The whole path, and what must hold afterwards."""
    mail = read_mail(raw)
    classify(mail, ("support@taskflow.io",))
    delivery_reports(mail)
    thread_ids(mail)
    authenticated(mail, "mx.google.com")
    texts = (mail.body, mail.subject, mail.hidden_text, *(value for _, value in mail.headers))
    assert "".join(block.text for block in mail.blocks) == mail.body, "folding lost something"
    assert not any("\0" in text for text in texts), "a NUL is left"
    assert not any(char in text for text in texts[1:2] for char in "\r\n"), "a line end in the subject"
    for text in texts:
        text.encode("utf-8")
    assert not any({"/", "\\"} & set(one.name) or one.name.startswith(".") for one in mail.attachments), (
        "an unsafe name"
    )


def run(first: int, executions: int) -> Outcome:
    outcome = Outcome()
    sources = seeds()
    began = time.perf_counter()
    for number in range(first, first + executions):
        raw = mutate(sources, number)
        start = time.process_time()
        try:
            check(raw)
        except Exception:
            outcome.crashes += 1
            if len(outcome.inputs) < 5:
                outcome.inputs.append(f"{traceback.format_exc(limit=-3)}\n{base64.b64encode(raw).decode()}")
        spent = (time.process_time() - start) * 1_000
        if spent > outcome.slowest_ms:
            outcome.slowest_ms, outcome.slowest_bytes = round(spent, 2), len(raw)
        outcome.executions += 1
    outcome.seconds = round(time.perf_counter() - began, 1)
    outcome.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return outcome


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    slowest = max(outcomes, key=lambda outcome: outcome.slowest_ms)
    return Outcome(
        sum(outcome.executions for outcome in outcomes),
        sum(outcome.crashes for outcome in outcomes),
        slowest.slowest_ms,
        slowest.slowest_bytes,
        max(outcome.peak_mb for outcome in outcomes),
        max(outcome.seconds for outcome in outcomes),
        [one for outcome in outcomes for one in outcome.inputs],
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=1, choices=(1, 2))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    share = -(-given.executions // given.processes)
    first = given.seed * 1_000_000_000
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        outcome = _joined(pool.starmap(run, [(first + part * share, share) for part in range(given.processes)]))
    sys.stdout.write(json.dumps({name: value for name, value in asdict(outcome).items() if name != "inputs"}) + "\n")
    for one in outcome.inputs:
        sys.stdout.write(one + "\n")
    failed = outcome.crashes or outcome.slowest_ms > SLOW * 1_000 or outcome.peak_mb > MOST_MEMORY
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
