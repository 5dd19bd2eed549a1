"""What the gate looks for: promises, claimed acts, internals, amounts and addresses, as regular expressions."""

from __future__ import annotations

import re

GOODS = r"(?:refund|credit|reimbursement|discount|compensation|waiver|voucher|coupon|money back|free (?:month|year))"
GIVES = r"(?:give|gave|grant|offer|add|extend|approv|issu|process|provid|arrang|initiat|apply|appli)(?:e|ed|es|ing|s)?"
WHEN = (
    r"(?:(?:in|within)\s+(?:\S+\s+){1,2}?(?:minutes?|hours?|days?|weeks?|months?)\b"
    r"|(?:on|by|before|until)\s+(?:\d|(?:mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|tonight|next|the end of|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*|q[1-4]\b)"
    r"|(?:next|this)\s+(?:week|month|quarter|year|release|version|\w+day)\b|tomorrow\b|tonight\b)"
)
DONE = (
    r"(?:deleted|closed|cancell?ed|reset|restored|refunded|credited|changed|updated|upgraded|downgraded|transferred|"
    r"disabled|enabled|fixed|removed|unlocked|reactivated|extended|renamed|revoked|booked|reserved|invited|scheduled|"
    r"posted|published)"
)

# No word that makes it a condition stands before.
UNBOUND = r"^(?:(?!\b(?:if|when|once|unless|whether|after|until|why|how)\b).)*"

PROMISES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        # "We will refund you", "I've already credited it"
        r"\b(?:we|i)(?:'ll|'ve|'d)?\s+(?:(?:will|can|have|could|would|just|already|now|also|be happy to|\w+ly|"
        r"(?:are|am) going to)\s+)*(?:refund|credit|reimburse|waive|discount|compensate)(?:ed|d)?\b",
        # "I can offer you a discount", "We've issued the refund"
        rf"\b(?:we|i)(?:'ll|'ve|'d)?\s+(?:\w+\s+){{0,3}}?{GIVES}\s+(?:\S+\s+){{0,4}}?{GOODS}",
        # "You'll get your money back"
        rf"\byou(?:'ll| will| get| receive|'re getting| are getting)\s+(?:\S+\s+){{0,5}}?"
        rf"(?:{GOODS}|refunded|credited|reimbursed|compensated)",
        # "A refund has been issued"
        rf"\b{GOODS}s?\s+(?:\S+\s+){{0,3}}?(?:has been|have been|is being|will be|was|is|are)\s+(?:\w+\s+)?"
        r"(?:issued|processed|approved|granted|applied|confirmed|sent|guaranteed|on (?:its|the) way)\b",
        rf"\b(?:entitled to|eligible for|qualify for)\s+(?:\S+\s+){{0,3}}?{GOODS}",
        r"\b(?:we|i)(?:'ll| will| can| do)?\s+(?:guarantee|promise)\b",
        # "It will be fixed by Friday", "We'll ship it next week"
        r"(?:\bwill|'ll|\bgoing to|\bshould)\s+(?:\S+\s+){0,2}?(?:released?|ship(?:ped)?|launch(?:ed)?|available|"
        r"fix(?:ed)?|resolved?|restored?|ready|deploy(?:ed)?|rolled out|live|sorted|solved|"
        r"done|deliver(?:ed)?|add(?:ed)?|back)\s+"
        rf"(?:\S+\s+){{0,3}}?{WHEN}",
        rf"\b(?:expect|have)\s+(?:\S+\s+){{1,6}}?(?:sorted |fixed |solved |ready )?{WHEN}",
        # "The charge has been reversed", "I've taken it off your bill"
        r"\b(?:money|charge|payment|amount|fee|invoice|bill)s?\s+(?:\S+\s+){0,2}?(?:will be|has been|have been|"
        r"was|is being)\s+(?:\w+ )?(?:returned|reversed|waived|voided|cancell?ed|paid back|"
        r"sent back|written off|reduced)\b",
        r"\b(?:taken?|took|knock(?:ed)?)\s+(?:\S+\s+){1,4}?off\s+(?:your|the)\b",
        r"\b(?:give|giving|gave)\s+you\s+(?:\S+\s+){1,5}?free\b",
        r"\b(?:is|are|we're)\s+(?:fully )?(?:hipaa|gdpr|ccpa|pci|soc ?2|iso ?27001)[- ](?:compliant|certified)\b",
    )
)
CLAIMS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"\b(?:i|we)(?:'ve| have|)\s+(?:just |already |now |also |\w+ly |went ahead and |gone ahead and )*"
        rf"(?:{DONE}|granted|given you|sent|e-?mailed|escalated|"
        r"forwarded|notified|alerted|passed (?:this|it|your)|handed|shared|paid|wired|created|made (?:a|the|your)|"
        r"set up|shut down|backed up|encrypted|ordered|called)\b",
        # "Your account has been closed", but not "once your account has been closed"
        rf"{UNBOUND}"
        rf"\byour\s+(?:\w+\s+){{1,3}}?(?:has|have)\s+(?:now |already |just )?been\s+(?:\w+ly )?{DONE}\b",
        # "Your workspace is now deleted", "Your password was reset to ..."
        rf"{UNBOUND}\byour\s+(?:\w+\s+){{1,3}}?(?:(?:is|are)\s+now|was|were)\s+(?:\w+ly )?{DONE}\b(?! by\b)",
        rf"{UNBOUND}\bthe\s+(?:owner|account|subscription|plan|"
        rf"workspace|password|invoice|role)\s+has\s+(?:\w+ )?been\s+(?:\w+ly )?{DONE}\b(?! by\b)",
    )
)
INTERNAL = re.compile(
    r"system (?:prompt|message)|(?:my|hidden) (?:instructions|prompt)|internal note|decision record|"
    r"\b(?:escalate_to_human|send_response|search_knowledge_base|get_customer_history|create_ticket|"
    r"analyze_sentiment)\b|\bdh_[0-9a-f]{8}_|\bsk-[A-Za-z0-9-]{16,}|\bAKIA[0-9A-Z]{16}|\bgh[pousr]_\w{20,}|"
    r"\bpostgres(?:ql)?://|-----BEGIN",
    re.I,
)
MONEY = re.compile(
    r"[$€£]\s?\d[\d.,]*|\b\d[\d.,]*\s?(?:(?:USD|EUR|GBP|dollars?|euros?|pounds?)\b|[€£])|\b\d[\d.,]*\s?%", re.I
)
# "The password is Piano", but not "the password is case-sensitive"
SECRET = re.compile(
    r"\b(?i:pass(?:word|code|phrase)|secret(?: \w+)?|(?:api|access|licen[cs]e) key|verification code|pin|passwort|"
    r"kennwort|mot de passe|contraseña|senha|palavra-passe)(?: (?i:phrase|key|code))?\s*"
    r"(?:(?i:is|was|ist|lautet|est|es|é)\b\s*:?|[:=])\s*[\"'\u201c\u201e\u00ab`*]*(?=[A-Z0-9]|\w*\d)\w"
)
# Telephone, card, account and identity numbers: nine digits and more, however they are grouped.
NUMBER = re.compile(r"(?<![\w/.-])(?:[A-Z]{2})?\+?\(?\d(?:[ ()./-]{0,2}\d){8,}(?!\w)")
URL = re.compile(r"(?:\b[a-z][a-z0-9+.-]*://|\bwww\.)[^\s)>\]\"']+", re.I)
DOMAIN = re.compile(
    r"(?<![\w@./-])(?:[a-z0-9-]+\.)+"
    r"(?:com|net|org|io|co|dev|app|info|biz|xyz|link|site|online|top|ru|cn|ly)\b(?!\.\w)",
    re.I,
)
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
REFERENCE = re.compile(r"\b[A-Z]{1,6}-\d{8}-[0-9A-HJKMNP-TV-Z]{4}\b")
SENTENCE = re.compile(r"(?:[^.!?\n]|[.!?](?=\w))+[.!?]?")
