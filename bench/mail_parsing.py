"""Mail parsing measured: quotes stripped, customers' words kept, bounces found, false alarms, time.

    python -m bench.mail_parsing --data ../shared/data [--json] [--failures]

Peers are measured where they are installed: `email-reply-parser` and `mail-parser-reply`, each in a process of its
own with a limit, since some inputs keep them busy for good. Expected replies are line ranges of the fixtures, as
their projects' own tests assert them or, where these are silent, as we read them; the stripper was developed with
these sets at hand, so that the rates compare libraries and promise nothing for other mail.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from deskhand.channels.mail import classify, delivery_reports, read_mail
from deskhand.channels.mail.quotes import fold

SETS = {
    "github": "email-reply-parser/emails",
    "crisp": "email-reply-parser-crisp/fixtures",
    "willdurand": "email-reply-parser-willdurand/Fixtures",
    "zapier": "email-reply-parser-zapier/emails",
}
COMMON = {
    "1-1": """correct_sig email_1_4 email_1_7 email_20 email_2_1 email_2_2 email_2_3 email_4 email_BlackBerry
        email_blackberry
        email_custom_quote_header email_customer_quote_header_2 email_gmail email_headers_no_delimiter email_iPhone
        email_iphone email_multi_word_sent_from_my_mobile_device email_sent_from email_thread email_unquoted_reply
        email_tricky_17_forward_header email_tricky_9_nested_quotes sig_no_empty_line""",
    "1-2": "pathological email_w10_mail email_zoho",
    "1-3": """email_19 email_1_6 email_6 email_customer_quote_header_3 email_sent_from_my_not_signature
        email_tricky_20_html_entities""",
    "1-4": "email_tricky_11_double_signature email_tricky_16_unicode_signatures",
    "1-5": """email_10 email_11 email_12 email_13 email_14 email_15 email_16 email_17 email_18 email_1_3
        email_22 email_23
        email_24 email_25 email_26 email_3 email_7 email_8 email_9 email_danish_dash_separator email_en_multiline_2
        email_finnish email_fr_multiline email_french_2 email_french_dash_separator email_german email_german_2
        email_german_3 email_german_outlook email_gmail_split_line_from email_ios_outlook email_ios_outlook_fr
        email_italian email_msn email_norwegian_gmail email_one_is_not_on email_original_message
        email_original_message_2 email_outlook_split_line_from email_portuguese email_russian
        email_tricky_10_special_chars_in_name email_tricky_12_no_space_after_header email_tricky_14_long_quote_header
        email_tricky_15_original_message_variations email_tricky_4_from_in_body email_tricky_5_mixed_languages
        email_tricky_8_sent_from_in_content email_with_regards""",
    "1-6": "greedy_on email_partial_quote_header email_tricky_1_on_false_positive",
    "1-7": """email_1 email_1_1 email_23_1 email_emoji email_sig_delimiter_in_middle_of_line
        email_tricky_6_regards_in_sentence""",
    "1-8": "email_issue_77 email_tricky_2_url_with_wrote",
    "1-9": "email_bullets email_tricky_13_timestamp_variations email_zimbra_free_en",
    "1-10": "email_not_a_signature_2 email_zimbra_free_fr",
    "1-11": "email_reply_header",
    "1-12": "email_tricky_3_code_block",
    "1-15": "email_1_5 email_5 email_tricky_7_multiple_dashes",
    "1-16": "email_not_a_signature",
    "1-28": "email_ls-l",
    "1-1,9-34": "email_1_2 email_2",
    "4-4,8-8,12-12": "email_tricky_18_inline_reply",
    "13-13,19-19": "email_1_8",
}
EXPECTED = {name: ranges for ranges, names in COMMON.items() for name in names.split()}
# Where the projects' own tests disagree on the same mail: these two call `-Abhishek Kona` a signature.
OWN = {
    f"{name}/{mail}": ranges
    for name in ("github", "zapier")
    for mail, ranges in (("email_1_1", "1-5"), ("email_1_3", "1-3"))
}
# Of the sets of ordinary mail, what no automatic answer may go to, and why it says so itself.
AUTOMATIC = {
    "broken-mime": "a bounce",
    "delayed-broken": "a bounce",
    "delayed": "a bounce",
    "gmail-invalid-address": "a bounce",
    "gmail-no-dns": "a bounce",
    "mailbox-full": "a bounce",
    "no-mx": "a bounce",
    "office365": "a bounce",
    "zed": "a bounce",
    "aol": "an abuse report",
    "yahoo": "an abuse report",
    "disposition-notification": "a read receipt",
    "apache-message-news-mime": "Precedence: bulk",
    "from-encoding": "Precedence: bulk",
    "message-external-body": "Precedence: bulk",
    "bad_date_header": "Precedence: junk",
    "empty_in_reply_to": "List-Id",
    "long-links": "from postmaster@",
    "encoding_madness": "from no-reply@",
    "raw_email_trailing_dot": "from noreply@",
    "raw_email_with_mimepart_without_content_type": "a bounce",
    "multi_address_bounce1": "a bounce",
    "multi_address_bounce2": "a bounce",
    "multipart_report_multiple_status": "a bounce",
    "report_422": "a bounce",
    "report_530": "a bounce",
}
NO_BOUNCES = {
    "is-not-bounce-01": "a person's",
    "make-test-36": "a bounce that a person forwards, with a From of theirs",
}
PEER_LIMIT = 15.0
LARGE = {
    "100 kB of 'On '": "On " * 33_000,
    "100 kB of 'On a' lines": "On a\n" * 20_000,
    "20,000 empty lines": "\n" * 20_000,
    "100 kB of '> a', 'b'": "> a\nb\n" * 16_000,
    "100 kB of 'From: x'": "From: x\n" * 12_500,
}


@dataclass(slots=True)
class Stripping:
    n: int = 0
    right: int = 0
    lost: list[str] = field(default_factory=list[str])
    kept_too_much: list[str] = field(default_factory=list[str])
    milliseconds: list[float] = field(default_factory=list[float])

    def as_record(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "exact": self.right,
            "rate": round(self.right / max(1, self.n), 4),
            "mails with customers' words lost": len(self.lost),
            "mails with too much kept": len(self.kept_too_much),
            "median ms": round(statistics.median(self.milliseconds), 3) if self.milliseconds else None,
        }


def our_strip(body: str) -> str:
    return "".join(block.text for block in fold(body, is_reply=False) if block.fold is None)


def peers() -> dict[str, Callable[[str], str]]:
    found: dict[str, Callable[[str], str]] = {}
    for name, module, maker in (
        ("email-reply-parser", "email_reply_parser", _github_peer),
        ("mail-parser-reply", "mailparser_reply", _mail_parser_peer),
    ):
        try:
            found[name] = maker(importlib.import_module(module))
        except ImportError:
            continue
    return found


def _github_peer(module: Any) -> Callable[[str], str]:
    return lambda body: str(module.EmailReplyParser.parse_reply(body))


def _mail_parser_peer(module: Any) -> Callable[[str], str]:
    languages = ["en", "de", "fr", "es", "it", "pl", "nl", "da", "ja"]

    def strip(body: str) -> str:
        replies = module.EmailReplyParser(languages=languages).read(body).replies
        return str(replies[0].body) if replies else ""

    return strip


def cases(data: Path) -> Iterator[tuple[str, str, str]]:
    """(name, body, expected reply) of every fixture that has an expectation."""
    for name, folder in SETS.items():
        for file in sorted((data / folder).glob("*.txt")):
            if file.stem not in EXPECTED:
                continue
            body = file.read_text("utf-8", errors="replace")
            ranges = OWN.get(f"{name}/{file.stem}", EXPECTED[file.stem])
            yield f"{name}/{file.stem}", body, _lines(body, ranges)


def _lines(body: str, ranges: str) -> str:
    lines = body.split("\n")
    wanted = [tuple(int(end) for end in one.split("-")) for one in ranges.split(",")]
    return "\n".join(line for first, last in wanted for line in lines[first - 1 : last])


def _words(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def measure_stripping(data: Path, strip: Callable[[str], str]) -> Stripping:
    found = Stripping()
    for name, body, expected in cases(data):
        start = time.perf_counter()
        given = strip(body)
        found.milliseconds.append((time.perf_counter() - start) * 1_000)
        found.n += 1
        ours, theirs = _words(given), _words(expected)
        found.right += ours == theirs
        if Counter(theirs) - Counter(ours):
            found.lost.append(name)
        elif ours != theirs:
            found.kept_too_much.append(name)
    return found


def measure_time(strip_name: str) -> dict[str, float | None]:
    """CPU milliseconds for each large input, the best of three; None when there was no result within the limit."""
    return {name: _timed(strip_name, body) for name, body in LARGE.items()}


def _timed(strip_name: str, body: str) -> float | None:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=_run_once, args=(strip_name, body, sender))
    worker.start()
    sender.close()
    least: float | None = None
    try:
        while receiver.poll(PEER_LIMIT):
            least = receiver.recv()
    except EOFError:  # done
        return least
    else:
        return least
    finally:
        worker.kill()
        worker.join()


def _run_once(strip_name: str, body: str, sender: Connection) -> None:
    strip = {"deskhand": our_strip, **peers()}[strip_name]
    times: list[float] = []
    for _ in range(3):
        start = time.process_time()
        strip(body)
        times.append((time.process_time() - start) * 1_000)
        sender.send(round(min(times), 1))


def measure_bounces(data: Path) -> dict[str, Any]:
    causes: Counter[str] = Counter()
    missed: list[str] = []
    reports = with_id = with_recipient = n = 0
    for file in sorted((data / "email-bounces-sisimai").rglob("*.eml")):
        if file.stem in NO_BOUNCES:
            continue
        n += 1
        mail = read_mail(file.read_bytes())
        found = classify(mail, ())
        if found is None:
            missed.append(file.stem)
            continue
        causes[found.cause] += 1
        if found.cause == "delivery_report":
            told = delivery_reports(mail)
            reports += 1
            with_id += any(report.message_id for report in told)
            with_recipient += any(report.recipient for report in told)
    return {
        "n": n,
        "recall": round((n - len(missed)) / max(1, n), 4),
        "missed": missed,
        "causes": dict(causes.most_common()),
        "delivery reports": reports,
        "that name a message": with_id,
        "that name a recipient": with_recipient,
        "left out": NO_BOUNCES,
    }


def measure_false_alarms(data: Path) -> dict[str, Any]:
    alarms: list[str] = []
    missed: list[str] = []
    times: list[float] = []
    ordinary = 0
    files = [
        *sorted((data / "email-mime-flanker").rglob("*.eml")),
        *sorted((data / "email-mime-mikel").rglob("*.eml")),
        *(file for file in sorted((data / "email-bounces-sisimai").rglob("*.eml")) if file.stem in NO_BOUNCES),
    ]
    for file in files:
        start = time.perf_counter()
        mail = read_mail(file.read_bytes())
        times.append((time.perf_counter() - start) * 1_000)
        found = classify(mail, ())
        if file.stem in AUTOMATIC:
            missed += [] if found else [file.stem]
            continue
        ordinary += 1
        if found is not None:
            alarms.append(f"{file.stem}: {found.cause} ({found.evidence})")
    return {
        "ordinary": ordinary,
        "false alarms": alarms,
        "automatic": len(files) - ordinary,
        "missed": missed,
        "median ms to read": round(statistics.median(times), 3),
        "slowest ms": round(max(times), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--failures", action="store_true", help="name the mails that went wrong")
    given = parser.parse_args()
    strips = {"deskhand": our_strip, **peers()}
    stripping = {name: measure_stripping(given.data, strip) for name, strip in strips.items()}
    record: dict[str, Any] = {
        "stripping": {name: found.as_record() for name, found in stripping.items()},
        "large inputs, CPU ms": {name: measure_time(name) for name in strips},
        "bounces": measure_bounces(given.data),
        "ordinary mail": measure_false_alarms(given.data),
    }
    if given.failures:
        record["failures"] = {
            name: {"lost": found.lost, "kept too much": found.kept_too_much} for name, found in stripping.items()
        }
    print(json.dumps(record, ensure_ascii=False) if given.json else json.dumps(record, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
