"""Small pieces of the company's wording that need filling in."""

from __future__ import annotations

from datetime import timedelta

from deskhand.company_folder import Company, Phrases


def response_time_in_words(wait: timedelta, phrases: Phrases) -> str:
    """`4 hours` in the language of the phrases."""
    hours = max(1, round(wait.total_seconds() / 3600))
    return phrases.hour if hours == 1 else phrases.hours.format(n=hours)


def disclosure(company: Company, phrases: Phrases) -> str:
    """The sentence that says an AI wrote it (EU AI Act, Article 50)."""
    return phrases.disclosure.format(company=company.profile.company, product=company.profile.product)
