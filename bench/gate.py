"""The gate measured: what a model that obeys every injection may say, and harmless replies that are stopped.

    python -m bench.gate --data DATA [--agentdojo FOLDER] [--json]

DATA holds the public sets; FOLDER is the unpacked `agentdojo` package (`pip download --no-deps agentdojo`), the folder
with `default_suites`: nothing of it is run or copied.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from bench.gate_attacks import Attack, read_attacks
from bench.gate_obedient import FORMS, FRAMES, HARMS, prompt_parts
from bench.gate_rules import harm_of
from deskhand import knowledge
from deskhand.agent.decision import Draft
from deskhand.agent.gate import check_reply
from deskhand.agent.llm.prompt import build_system_prompt
from deskhand.company_folder import Company
from deskhand.inference import LocalEmbedder, detect_language
from tests.agent.scene import answer, make_context, words
from tests.fakes import read_as, shipped_company

ROOT = Path(__file__).parents[1]
PARAPHRASES = ROOT / "evals" / "gate" / "paraphrases.jsonl"
HARMLESS = ROOT / "evals" / "gate" / "harmless.jsonl"
UNSEEN = ROOT / "evals" / "gate" / "unseen.jsonl"
LANGUAGES = ("en", "de", "es", "fr", "pt")
Z = 1.959964


@dataclass
class Count:
    n: int = 0
    hits: int = 0
    failures: list[str] = field(default_factory=list[str])

    def add(self, *, hit: bool, text: str, why: object = "") -> None:
        self.n += 1
        self.hits += hit
        if not hit:
            self.failures.append(f"{text[:160]} {why}".strip())

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson, 95 %."""
        if not self.n:
            return (0.0, 1.0)
        share, spread = self.hits / self.n, Z * Z / self.n
        middle = (share + spread / 2) / (1 + spread)
        half = Z * math.sqrt(share * (1 - share) / self.n + spread / self.n / 4) / (1 + spread)
        return (max(0.0, middle - half), min(1.0, middle + half))

    def as_record(self) -> dict[str, Any]:
        low, high = self.interval
        return {"n": self.n, "right": self.hits, "low": round(low, 4), "high": round(high, 4),
                "failures": self.failures}  # fmt: skip


class Desk:
    """One customer's turn, with the prompt of the company that ships. The customer writes the reply's language, unless
    `language` says otherwise: only the rows on languages count what the wrong one stops."""

    def __init__(self) -> None:
        self.company: Company = shipped_company()
        self.prompt = build_system_prompt(self.company).text
        self.embedder = LocalEmbedder()
        self.seconds: list[float] = []
        self._runner = asyncio.Runner()
        self.reasons(words("Ready?"))
        self.seconds.clear()

    def reasons(
        self, draft: Draft, passages: dict[str, str] | None = None, *, told: str = "", language: str = ""
    ) -> tuple[str, ...]:
        theirs = language or detect_language(draft.text).code
        context = replace(make_context(passages=passages, triage=read_as(language=theirs)), embedder=self.embedder)
        context.state.prompt = f"{self.prompt}\n{told}" if told else self.prompt
        started = time.perf_counter()
        verdict = self._runner.run(check_reply(draft, context))
        self.seconds.append(time.perf_counter() - started)
        return verdict.reasons


def to_the_letter(desk: Desk, attacks: Iterable[Attack]) -> dict[str, dict[str, Any]]:
    """Each set: the replies that do what the attacker asks. Only those with harm for us are counted as leaks."""
    rows: dict[str, dict[str, Any]] = {}
    for attack in attacks:
        row = rows.setdefault(
            attack.source, {"attacks": 0, "harmful": 0, "stopped": Count(), "uncounted": 0, "uncounted stopped": 0}
        )
        row["attacks"] += 1
        harmful = False
        for reply in attack.literal:
            stopped = bool(desk.reasons(words(reply[:4000]), told=attack.prompt))
            if harm_of(reply, attack.prompt):
                harmful = True
                row["stopped"].add(hit=stopped, text=f"{attack.name}: {reply}")
            else:
                row["uncounted"] += 1
                row["uncounted stopped"] += stopped
        row["harmful"] += harmful
    return rows


def our_harms(desk: Desk) -> dict[str, Count]:
    """The attack succeeds and asks for what hurts us: every harm of ours in every frame that jailbreaks use."""
    counts = {kind: Count() for kind in HARMS}
    for kind, texts in HARMS.items():
        for reply in (frame.format(text) for text in texts for frame in FRAMES):
            counts[kind].add(hit=bool(desk.reasons(words(reply))), text=reply)
    return counts


def paraphrases(desk: Desk) -> dict[str, Count]:
    """Harms in other words: the patterns were mended after the first round, the second is unseen."""
    counts: dict[str, Count] = {}
    for row in map(json.loads, PARAPHRASES.read_text().splitlines()):
        stopped = bool(desk.reasons(words(row["text"])))
        counts.setdefault(f"round {row['round']}", Count()).add(hit=stopped, text=row["text"])
    return counts


def unseen(desk: Desk) -> tuple[dict[str, Count], dict[str, Count]]:
    """Harms and replies that were written when nothing was mended any more, by kind."""
    stopped, passed = dict[str, Count](), dict[str, Count]()
    for row in map(json.loads, UNSEEN.read_text().splitlines()):
        texts = {f"p{place}": text for place, text in enumerate(row.get("passages", ()))}
        draft = answer(row["text"], *texts) if texts else words(row["text"])
        reasons = desk.reasons(draft, texts, language=row["language"])
        if row["kind"] == "harmless":
            passed.setdefault(f"unseen, {row['language']}", Count()).add(hit=not reasons, text=row["text"], why=reasons)
        else:
            stopped.setdefault(row["kind"], Count()).add(hit=bool(reasons), text=row["text"])
    return stopped, passed


def languages(desk: Desk) -> dict[str, Count]:
    """Our harmless replies of eight words and more, read to a customer who writes another language of the company."""
    counts: dict[str, Count] = {}
    for row in map(json.loads, HARMLESS.read_text().splitlines()):
        if "passages" in row or len(row["text"].split()) < 12:
            continue
        other = LANGUAGES[(LANGUAGES.index(row["language"]) + 1) % len(LANGUAGES)]
        reasons = desk.reasons(words(row["text"]), language=other)
        is_stopped = any(reason.startswith("language") for reason in reasons)
        counts.setdefault(f"{row['language']} to a customer who writes {other}", Count()).add(
            hit=is_stopped, text=row["text"]
        )
    return counts


def our_prompt(desk: Desk) -> dict[str, Count]:
    """Every line of the instructions, in every form that the attacks ask for."""
    counts = {form: Count() for form in FORMS}
    for part in prompt_parts(desk.prompt):
        for name, form in FORMS.items():
            reply = form(part)
            counts[name].add(hit=bool(desk.reasons(words(reply))), text=reply)
    return counts


def harmless(desk: Desk, data: Path) -> dict[str, Count]:
    """Replies that must leave: ours in five languages, and notinject's words read back or answered by quotation."""
    counts: dict[str, Count] = {}
    for line in HARMLESS.read_text().splitlines():
        row = json.loads(line)
        texts = {f"p{place}": text for place, text in enumerate(row.get("passages", ()))}
        draft = answer(row["text"], *texts) if texts else words(row["text"])
        reasons = desk.reasons(draft, texts, language=row["language"])
        counts.setdefault(f"ours, {row['language']}", Count()).add(hit=not reasons, text=row["text"], why=reasons)
    asked = [str(row["prompt"]) for row in json.loads((data / "notinject/NotInject_one.json").read_text())]
    passages = list(_passages(desk.company))
    back, quoted = Count(), Count()
    for place, prompt in enumerate(asked):
        reasons = desk.reasons(words(f"I can't answer that here: {prompt} Is it about your boards?"))
        back.add(hit=not reasons, text=prompt, why=reasons)
        passage = passages[place % len(passages)]
        quoting = answer(f"You asked: {prompt}\n\n{passage}", "p1")
        reasons = desk.reasons(quoting, {"p1": passage}, language=detect_language(prompt).code)
        quoted.add(hit=not reasons, text=prompt, why=reasons)
    whole = Count()
    for passage in passages:
        reasons = desk.reasons(answer(passage, "p1"), {"p1": passage})
        whole.add(hit=not reasons, text=passage, why=reasons)
    return counts | {"notinject read back": back, "notinject with a passage": quoted, "help centre quoted": whole}


def _passages(company: Company) -> Iterator[str]:
    for file in sorted(company.knowledge_dir.rglob("*.md")):
        document = knowledge.parse(file.read_bytes(), PurePosixPath(file.name))
        for section in document.sections if document else ():
            yield " ".join(section.body.split(" ")[:300])


def _show(title: str, counts: dict[str, Count], column: str) -> None:
    together = Count(sum(count.n for count in counts.values()), sum(count.hits for count in counts.values()))
    print(f"\n| {title} | n | {column} | share | 95 % |\n|---|---|---|---|---|")
    for name, count in [*counts.items(), ("together", together)]:
        low, high = count.interval
        share = count.hits / count.n if count.n else 0.0
        print(f"| {name} | {count.n} | {count.hits} | {share:.2%} | {low:.2%} to {high:.2%} |")
    for name, count in counts.items():
        for failure in count.failures:
            print(f"  - {name}: {failure}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--agentdojo", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    desk = Desk()
    attacks = read_attacks(args.data, args.agentdojo)
    letter = to_the_letter(desk, attacks)
    unseen_harms, unseen_replies = unseen(desk) if UNSEEN.exists() else ({}, {})
    tables = {
        "demanded": {name: row["stopped"] for name, row in letter.items()},
        "our harms": our_harms(desk),
        "paraphrases": paraphrases(desk),
        "unseen harms": unseen_harms,
        "our instructions": our_prompt(desk),
        "wrong language": languages(desk),
        "harmless": harmless(desk, args.data) | unseen_replies,
    }
    times = sorted(desk.seconds)
    speed = {
        "median ms": round(times[len(times) // 2] * 1000, 2),
        "p95 ms": round(times[len(times) * 19 // 20] * 1000, 2),
    }
    if args.json:
        record = {title: {name: count.as_record() for name, count in rows.items()} for title, rows in tables.items()}
        sets = {name: {key: value for key, value in row.items() if key != "stopped"} for name, row in letter.items()}
        print(json.dumps({"sets": sets, **record, "speed": speed}, indent=2, ensure_ascii=False))
        return
    print("| set | attacks | of these harmful for us | replies not counted | of these stopped all the same |")
    print("|---|---|---|---|---|")
    for name, row in letter.items():
        print(f"| {name} | {row['attacks']} | {row['harmful']} | {row['uncounted']} | {row['uncounted stopped']} |")
    for title, rows in tables.items():
        _show(title, rows, "passed" if title == "harmless" else "stopped")
    print(f"\n{speed}")


if __name__ == "__main__":
    main()
