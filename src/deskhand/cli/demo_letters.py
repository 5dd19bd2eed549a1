"""Whose messages the demonstration shows: three channels, three plans, and each thing that may become of a message."""

from __future__ import annotations

from dataclasses import dataclass

from deskhand.customers import Plan


@dataclass(frozen=True, slots=True)
class Letter:
    """A customer's message of the demonstration."""

    channel: str
    name: str
    sender: str
    plan: Plan
    subject: str
    body: str


LETTERS = (
    Letter("web_form", "Nadia Flores", "nadia@lumen-studio.example", "free", "New colleague",
           "Hi, a designer joins us on Monday. How do I invite her to our workspace, and is there a limit on users?"),
    Letter("web_form", "Tomasz Zielinski", "tomasz@kolejka.example", "pro", "Two payments in one month",
           "Good morning, our card statement has two payments to you for October. Please look and return one."),
    Letter("email", "Priscilla Adeyemi", "priscilla@northbeam.example", "enterprise", "Records under Article 15",
           "Dear team, under the GDPR I would like a copy of all personal data that you hold about me. Regards, P."),
    Letter("email", "Owen Gallagher", "owen@fernhill.example", "pro", "Slack went quiet",
           "Hi, since this morning no notifications reach our Slack channel any more. What should we check?"),
    Letter("whatsapp", "Mei", "+442079460123", "pro", "", "hey is there a keyboard shortcut for adding a task?"),
    Letter("whatsapp", "Jonas", "+4915112345678", "free", "", "Wie kann ich mein Passwort zurücksetzen?"),
    Letter("whatsapp", "Ana", "+34911234567", "pro", "", "can i please talk to a real person about our setup"),
    Letter("web_form", "Rank Boosters", "sales@rank-boosters.example", "free", "Get to page one of Google!",
           "We offer 200 premium backlinks and guaranteed first-page ranking for your site. Reply for a quote today."),
)  # fmt: skip
