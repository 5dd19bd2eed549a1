"""Mutates signed calls of Twilio's and counts what the door lets in with other fields than were signed.

    python -m tests.fuzz.twilio --requests 1000000

Two counts. `signature`: let in by the checks of the call alone. `door`: let in although the fingerprint of what was
signed is known with other fields, as the flows keep it. Both are of calls whose fields differ from the captured ones.
"""

from __future__ import annotations

import argparse
import random
import string
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import structlog

from deskhand.channels.base import HookRequest
from deskhand.channels.twilio_requests import Call, read_message_call, read_status_call
from deskhand.errors import DeskhandError
from tests.channels.whatsapp.calls import STATUS_URL, URL, account, call, recorded
from tests.standins import twilio_calls as calls

Form = list[tuple[str, str]]
ALPHABET = string.ascii_letters + string.digits + "+:_-. %&=?é😀\0"
NAMES = ["text", "image", "button", "location", "answer_to_ours", "without_number"]
REPORTS = ["status_sent", "status_delivered", "status_undelivered"]


@dataclass(frozen=True, slots=True)
class Captured:
    """An authentic call, and what was read from it."""

    form: Form
    request: HookRequest
    read: Call

    @property
    def is_report(self) -> bool:
        return self.request.path == "/status"


@dataclass(slots=True)
class Figures:
    tried: int = 0
    unchanged: int = 0  # let in, with the very fields that were signed: a replay
    by_signature: int = 0
    by_door: int = 0
    examples: Counter[str] | None = None


def captured() -> list[Captured]:
    found: list[Captured] = []
    for name in NAMES:
        request = call(recorded(name))
        found.append(Captured(recorded(name), request, read_message_call(request, account())))
    for name in REPORTS:
        request = call(recorded(name), url=f"{STATUS_URL}?o=0198c0de-42")
        found.append(Captured(recorded(name), request, read_status_call(request, account())))
    return found


def _one_character(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text) + 1)
    change = dice.choice(["insert", "delete", "replace"])
    if change == "insert" or not text:
        return text[:at] + dice.choice(ALPHABET) + text[at:]
    at = min(at, len(text) - 1)
    return text[:at] + ("" if change == "delete" else dice.choice(ALPHABET)) + text[at + 1 :]


def change_value(form: Form, dice: random.Random) -> Form:
    at = dice.randrange(len(form))
    return [*form[:at], (form[at][0], _one_character(form[at][1], dice)), *form[at + 1 :]]


def change_name(form: Form, dice: random.Random) -> Form:
    at = dice.randrange(len(form))
    return [*form[:at], (_one_character(form[at][0], dice), form[at][1]), *form[at + 1 :]]


def reorder(form: Form, dice: random.Random) -> Form:
    return dice.sample(form, len(form))


def drop(form: Form, dice: random.Random) -> Form:
    at = dice.randrange(len(form))
    return form[:at] + form[at + 1 :]


def double(form: Form, dice: random.Random) -> Form:
    name, value = dice.choice(form)
    return [*form, (name, value if dice.random() < 0.5 else _one_character(value, dice))]


def swap(form: Form, dice: random.Random) -> Form:
    one, other = dice.sample(range(len(form)), 2)
    made = list(form)
    made[one], made[other] = (form[one][0], form[other][1]), (form[other][0], form[one][1])
    return made


def recut(form: Form, dice: random.Random) -> Form:
    """Cut the signed text anew: move the borders of names and values, so that the same signature fits."""
    pairs = sorted(form)
    at = dice.randrange(len(pairs))
    name, value = pairs[at]
    kind = dice.choice(["split", "join", "rest", "shift"])
    if kind == "split" and len(value) > 1:
        cut = dice.randrange(1, len(value))
        end = dice.randrange(cut + 1, len(value) + 1)
        return [*pairs[:at], (name, value[:cut]), (value[cut:end], value[end:]), *pairs[at + 1 :]]
    if kind == "rest" and len(value) > 1:
        cut = dice.randrange(1, len(value))
        rest = value[cut:] + "".join(one + other for one, other in pairs[at + 1 :])
        end = dice.randrange(1, len(rest) + 1)
        return [*pairs[:at], (name, value[:cut]), (rest[:end], rest[end:])]
    if kind == "shift" and value:
        cut = dice.randrange(len(value) + 1)
        return [*pairs[:at], (name + value[:cut], value[cut:]), *pairs[at + 1 :]]
    joined = "".join(one + other for one, other in pairs[at + 1 : at + 1 + dice.randrange(1, 4)])
    return [*pairs[:at], (name, value + joined), *pairs[at + 4 :]]


MUTATIONS: list[Callable[[Form, random.Random], Form]] = [
    *(change_value, change_name, reorder, drop, double, swap),
    *(recut, recut, recut, recut),
]


def mutate(one: Captured, dice: random.Random) -> tuple[HookRequest, str]:
    """One changed call, under the signature of the captured one unless that is what changes."""
    chosen = dice.random()
    if chosen < 0.1:
        signature = _one_character(one.request.one("x-twilio-signature") or "", dice)
        headers = tuple((k, signature if k == "x-twilio-signature" else v) for k, v in one.request.headers)
        return replace(one.request, headers=headers), "signature"
    if chosen < 0.2:
        return replace(one.request, query=_one_character(one.request.query, dice)), "query"
    if chosen < 0.25:
        return _into_the_address(one, dice), "address"
    if chosen < 0.3:
        body = bytearray(one.request.body)
        body[dice.randrange(len(body))] = dice.randrange(256)
        return replace(one.request, body=bytes(body)), "byte"
    form, names = one.form, list[str]()
    for _ in range(1 if dice.random() < 0.8 else 2):
        mutation = dice.choice(MUTATIONS)
        form = mutation(form, dice) or form
        names.append(mutation.__name__)
    return replace(one.request, body=urlencode(form, errors="replace").encode()), "+".join(names)


def _into_the_address(one: Captured, dice: random.Random) -> HookRequest:
    pairs = sorted(one.form)
    count = dice.randrange(1, len(pairs))
    moved = "".join(name + value for name, value in pairs[:count])
    return replace(one.request, query=one.request.query + moved, body=calls.encode(pairs[count:]))


def run(requests: int, seed: int) -> Figures:
    """Try that many mutated calls, each made of the same captured ones by the seed."""
    dice, figures, ours = random.Random(seed), Figures(examples=Counter()), account()
    sources = captured()
    seen = {one.read.fingerprint: (one.read.fields, one.read.delivery_id) for one in sources}
    for _ in range(requests):
        one = dice.choice(sources)
        request, how = mutate(one, dice)
        figures.tried += 1
        try:
            read = (read_status_call if one.is_report else read_message_call)(request, ours)
        except DeskhandError:
            continue
        if (read.fields, read.delivery_id) == (one.read.fields, one.read.delivery_id):
            figures.unchanged += 1
            continue
        figures.by_signature += 1
        assert figures.examples is not None
        figures.examples[how] += 1
        known = seen.get(read.fingerprint)
        if known is None or known == (read.fields, read.delivery_id):
            figures.by_door += 1
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.twilio", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=20261122)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    started = time.perf_counter()
    figures = run(given.requests, given.seed)
    print(  # noqa: T201
        f"{figures.tried} mutated calls (seed {given.seed}) to {URL} in {time.perf_counter() - started:.0f} s: "
        f"{figures.by_door} let in with other fields; {figures.unchanged} replays with the same fields; "
        f"{figures.by_signature} passed the call's own checks and were told by their fingerprint "
        f"({dict(figures.examples or {})})"
    )
    return 1 if figures.by_door else 0


if __name__ == "__main__":
    raise SystemExit(main())
