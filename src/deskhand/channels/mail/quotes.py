"""A body cut into the customer's new words and what is folded away: in linear time, and nothing is lost.

The scanner looks at lines, a few at a time, each up to a fixed length. Joined, the blocks are the body again.
In doubt a line is kept: a quote too many costs a glance, a lost sentence costs a customer.
"""

from __future__ import annotations

import re
from typing import Final

from deskhand.channels.mail import quote_marks as marks
from deskhand.channels.mail.message import Block, Fold
from deskhand.channels.mail.signature import is_legal, is_list_footer, is_sent_from, signature_start

_JOINED_LINES: Final = 4
_LOOK_AHEAD: Final = 12
_MOST_LINES: Final = 50_000
_WORD: Final = re.compile(r"[^\W_]|[\u2000-\U0003ffff]")


def fold(body: str, *, is_reply: bool) -> tuple[Block, ...]:
    """`is_reply`: the mail's headers or subject say that it answers one, so that bare `>` lines quote it."""
    lines = body.split("\n", _MOST_LINES)
    folds = _Scanner(lines, is_reply=is_reply).scan()
    if not _has_words(lines, folds):
        folds = _only_marked(lines, folds)
    if not _has_words(lines, folds):
        folds = list[Fold | None]([None] * len(lines))
    return _blocks(lines, folds)


def _has_words(lines: list[str], folds: list[Fold | None]) -> bool:
    return any(mark is None and _WORD.search(line) for line, mark in zip(lines, folds, strict=True))


def _only_marked(lines: list[str], folds: list[Fold | None]) -> list[Fold | None]:
    """Nothing but a forwarded or pasted mail: its unmarked words are then what the customer sent us."""
    return [mark if mark == "quote" and _is_marked(line) else None for line, mark in zip(lines, folds, strict=True)]


def _is_marked(line: str) -> bool:
    """Whether the line carries a quote mark, so that it is nobody's new words."""
    if not line[:4].lstrip(" ").startswith((">", "＞")):
        return False
    if len(line) > marks.WRAPPED or not line.rstrip().endswith((":", "：")):
        return True
    return not marks.WRAPPED_END.fullmatch(line.strip())


def _blocks(lines: list[str], folds: list[Fold | None]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    start, mark = 0, folds[0]
    for at, other in enumerate(folds):
        if other != mark:
            blocks.append(Block("\n".join(lines[start:at]) + "\n", mark))
            start, mark = at, other
    if last := "\n".join(lines[start:]):
        blocks.append(Block(last, mark))
    return tuple(blocks)


class _Scanner:
    def __init__(self, lines: list[str], *, is_reply: bool) -> None:
        self.lines = lines
        self.folds: list[Fold | None] = [None] * len(lines)
        self._announced = is_reply
        self._fields = [marks.field_of(line) for line in lines]
        self._marked = [_is_marked(line) for line in lines]
        self._ends = [marks.may_end(line) for line in lines]
        self._may_hold_marker = marks.may_hold_marker(lines)

    def scan(self) -> list[Fold | None]:
        end = self._fold_rest_from()
        self._fold_marked(end)
        self._fold_own_ends(end)
        return self.folds

    def _fold_rest_from(self) -> int:
        """Fold everything from the first sure beginning of an unmarked quote; where the customer's part ends."""
        at = 0
        while at < len(self.lines):
            length, kind = self._announcement(at)
            if length and kind == "marked":
                self._fold(at, at + length, "attribution")
                self._announced = True
            elif length:
                mark: Fold = "marker" if kind == "marker" else "attribution"
                self._fold(at, at + length, mark)
                self._fold(at + length, len(self.lines), "quote")
                return self._without_rule(at)
            at += max(1, length)
        return len(self.lines)

    def _announcement(self, at: int) -> tuple[int, str]:
        """How many lines from here announce a quote, and whether it is `marked` with `>` or goes on to the end."""
        line = self.lines[at]
        if self._marked[at] or len(line) > marks.LONGEST or not line or line.isspace():
            return 0, ""
        if self._may_hold_marker and marks.is_marker(line):
            return 1, "marker"
        if marks.is_separator(line):
            return 1, "rest"
        if (length := self._header_block(at)) > 0:
            return length, "rest"
        return self._attribution(at)

    def _header_block(self, at: int) -> int:
        """The length of a block of fields such as From, Sent, To and Subject; 0 when these are but words."""
        first = self._fields[at]
        if not first or len(set(self._fields[at : at + _LOOK_AHEAD])) < 2:
            return 0
        seen: dict[str, int] = {}
        last = at
        for ahead in range(at, min(at + _LOOK_AHEAD, len(self.lines))):
            line = self.lines[ahead]
            name = self._fields[ahead]
            if name:
                seen[name] = seen.get(name, 0) + 1
                last = ahead
                if "À :" in line and "Objet :" in line:
                    seen["subject"] = 1
            elif not line.strip() and seen:
                if ahead - last > 1:
                    break
            elif ahead - last > 2:
                break
        known = seen.keys() & {"from", "sent", "to", "subject"}
        enough = len(known) >= 3 or ("from" in known and len(known) >= 2 and self._names_someone(at, last))
        return (
            last - at + 1 if first in ("from", "sent", "subject", "to") and "from" in known | {first} and enough else 0
        )

    def _names_someone(self, first: int, last: int) -> bool:
        """Two fields alone are proof enough only with an address and a date in them."""
        text = "\n".join(line[: marks.LONGEST] for line in self.lines[first : last + 1])
        return marks.ADDRESS.search(text) is not None and (
            marks.TIME.search(text) is not None or marks.DATE.search(text) is not None
        )

    def _attribution(self, at: int) -> tuple[int, str]:
        """`On ..., X wrote:` on up to four lines, followed by marked lines or by an unmarked quote."""
        if True not in self._ends[at : at + _JOINED_LINES]:
            return 0, ""
        joined = ""
        for last in range(at, min(at + _JOINED_LINES, len(self.lines))):
            line = self.lines[last]
            if self._marked[last] or not line.strip() or len(line) + len(joined) > marks.LONGEST:
                break
            joined = f"{joined} {line.strip()}" if joined else line.strip()
            if last == at and not self._ends[at] and not marks.OPENS.match(joined):
                break
            if not self._ends[last]:
                continue
            if self._quote_follows(last + 1):
                if marks.may_announce(joined):
                    return last + 1 - at, "marked"
            elif marks.announces(joined):
                return last + 1 - at, "rest"
        return 0, ""

    def _quote_follows(self, at: int) -> bool:
        for ahead in range(at, min(at + _LOOK_AHEAD, len(self.lines))):
            if self.lines[ahead].strip():
                return self._marked[ahead]
        return False

    def _without_rule(self, at: int) -> int:
        """A rule or blank lines above an announcement belong to it."""
        while at and not self.lines[at - 1].strip():
            at -= 1
        if at and len(self.lines[at - 1]) <= marks.LONGEST and marks.RULE.fullmatch(self.lines[at - 1]):
            self._fold(at - 1, at, "attribution")
            at -= 1
        return at

    def _fold_marked(self, end: int) -> None:
        """Lines with `>`: a quote when one was announced or when they are many; a pasted few are the customer's."""
        at = 0
        last_text = next((line for line in range(end - 1, -1, -1) if self.lines[line].strip()), 0)
        while at < end:
            if self.folds[at] is not None or not self._marked[at]:
                at += 1
                continue
            last = at
            while last < end and (self._marked[last] or not self.lines[last].strip()):
                last += 1
            while not self.lines[last - 1].strip():
                last -= 1
            if self._is_quote(at, last, closes=last > last_text):
                self._fold(at, last, "quote")
            at = last

    def _is_quote(self, first: int, last: int, *, closes: bool) -> bool:
        if self._announced:
            return True
        inside = (line.strip().lstrip("> ") for line in self.lines[first : first + _JOINED_LINES])
        if any(marks.announces(line) for line in inside):
            return True
        return closes and last - first >= 3

    def _fold_own_ends(self, end: int) -> None:
        """The signature, device line and legal footer at the end of the customer's own lines."""
        own = [at for at in range(end) if self.folds[at] is None]
        own = own[self._last_run_start(own) :]
        footer = self._legal_start(own)
        self._fold_lines(own[footer:], "footer")
        own = own[:footer]
        while own and (not self.lines[own[-1]].strip() or is_sent_from(self.lines[own[-1]])):
            if self.lines[own[-1]].strip():
                self._fold_lines(own[-1:], "signature")
            own.pop()
        start = signature_start([self.lines[at] for at in own])
        self._fold_lines(own[start:], "signature")
        self._fold_device_line(own[:start])

    def _last_run_start(self, own: list[int]) -> int:
        """Signatures are sought behind the last quote only, or in the whole when there is none."""
        start = len(own)
        while start and (start == len(own) or own[start] - own[start - 1] == 1):
            start -= 1
        has_words = any(self.lines[at].strip() for at in own[start:])
        return start if has_words else 0

    def _legal_start(self, own: list[int]) -> int:
        """Where the trailing paragraphs begin that are legal or mailing list footers."""
        start = end = len(own)
        for _ in range(4):
            while end and not self.lines[own[end - 1]].strip():
                end -= 1
            first = end
            while first and self.lines[own[first - 1]].strip():
                first -= 1
            if first == end:
                break
            paragraph = [self.lines[at] for at in own[first:end]]
            ruled = paragraph[0].startswith("__") and is_list_footer(paragraph)
            if not ruled and not is_legal("\n".join(paragraph)):
                break
            start = end = first
        return start

    def _fold_device_line(self, own: list[int]) -> None:
        """`Sent from my phone` with nothing but a quote after it."""
        for at in reversed(own[-4:]):
            if is_sent_from(self.lines[at]):
                rest = [line for line in own if line > at and self.lines[line].strip()]
                if not rest:
                    self._fold_lines([at], "signature")

    def _fold(self, first: int, last: int, mark: Fold) -> None:
        for at in range(first, last):
            self.folds[at] = mark

    def _fold_lines(self, lines: list[int], mark: Fold) -> None:
        for at in lines:
            self.folds[at] = mark
