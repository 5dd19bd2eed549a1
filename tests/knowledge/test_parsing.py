"""Files to documents: structure is kept, and what can't be read says why."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from deskhand.knowledge import Document, UnreadableFile, parse


def read(text: str | bytes, name: str = "guide/set-up.md") -> Document:
    raw = text.encode() if isinstance(text, str) else text
    document = parse(raw, PurePosixPath(name))
    assert document is not None
    return document


def test_front_matter_names_the_article() -> None:
    document = read(
        '---\ntitle: "Passwort"\nslug: reset-de\nlanguage: de\nproduct: taskflow\nkeywords: [login, "can\'t"]\n'
        "url: https://help.example/reset\nsection: account\n---\n\n# Passwort\n\nText.\n"
    )

    assert (document.title, document.slug, document.family, document.language) == (
        "Passwort",
        "reset-de",
        "reset",
        "de",
    )
    assert (document.product, document.section, document.url) == ("taskflow", "account", "https://help.example/reset")
    assert document.keywords == ("login", "can't")


def test_without_front_matter_the_heading_is_the_title_and_the_path_the_slug() -> None:
    document = read("# Set up\n\nOpen the box.\n\n## Next\n\nPlug it in.\n", "guide/First Steps.md")

    assert (document.title, document.slug, document.section) == ("Set up", "guide-first-steps", "guide")


def test_an_index_file_is_named_by_its_folder() -> None:
    assert read("# Hello\n\nText.", "guide/index.md").slug == "guide"


def test_a_language_that_nobody_declared_is_recognised() -> None:
    german = (
        "# Rechnung\n\nSie finden alle Rechnungen in den Einstellungen unter Abrechnung. Dort können Sie jede Rechnung "
        "als Datei herunterladen oder per E-Mail an eine andere Person in Ihrem Unternehmen schicken lassen, zum "
        "Beispiel an die Buchhaltung."
    )

    assert read(german).language == "de"


def test_the_path_of_headings_is_kept() -> None:
    text = (
        "# Guide\n\n## Linux\n\n### Install\n\n" + "Words about installing it. " * 10 + "\n\n## Mac\n\nNo? Yes it is."
    )

    headings = [section.heading for section in read(text).sections]

    assert headings[0] == "Linux › Install"


def test_steps_are_never_cut() -> None:
    steps = "\n".join(f"{number}. " + "Do this and then that with care. " * 4 for number in range(1, 9))
    text = (
        f"# Guide\n\n## How do I do it?\n\n{'Before words. ' * 60}\n\nFollow these steps:\n\n{steps}\n\nDone at last."
    )

    sections = read(text).sections

    (holder,) = [section for section in sections if "1. Do this" in section.body]
    assert all(f"{number}. Do this" in holder.body for number in range(1, 9))
    assert "Follow these steps:" in holder.body
    assert len(sections) > 1


def test_steps_that_an_image_interrupts_stay_together() -> None:
    text = '# G\n\nSteps:\n\n* One\n\n<div class="browser">\n<img src={useBaseUrl("a.png")} />\n</div>\n\n* Two\n'

    (section,) = read(text).sections

    assert section.body == "Steps:\n* One\n* Two"


def test_a_long_section_is_cut_between_paragraphs() -> None:
    paragraphs = [f"Paragraph {number}. " + "More words here. " * 25 for number in range(6)]

    sections = read("# Guide\n\n## Long\n\n" + "\n\n".join(paragraphs)).sections

    assert len(sections) > 1
    assert {section.heading for section in sections} == {"Long"}
    assert all(len(section.body.split()) <= 200 for section in sections)
    assert "\n\n".join(section.body for section in sections) == "\n\n".join(part.strip() for part in paragraphs)


def test_code_and_tables_are_kept_as_they_are() -> None:
    code = "```python\n# not a heading\nfor x in range(3):\n    print(x)  # <b>\n\n- no list\n```"
    table = "| Plan | Price |\n|---|---|\n| Pro | $12 |\n" + "\n".join(f"| Row {n} | {n} words |" for n in range(60))

    (section,) = read(f"# Guide\n\n## How does it work?\n\nLike this:\n\n{code}").sections
    tables = [part.body for part in read(f"# Guide\n\n## Prices\n\n{'Words. ' * 150}\n\nPrices:\n\n{table}").sections]

    assert section.body == f"Like this:\n\n{code}"
    assert any(table in body for body in tables)


def test_a_short_answer_to_a_question_is_a_passage_of_its_own() -> None:
    sections = read("# FAQ\n\n## Do you take PayPal?\n\nNo.\n\n## Is there a trial?\n\nYes, 14 days.\n").sections

    assert [section.heading for section in sections] == ["Do you take PayPal?", "Is there a trial?"]


def test_tiny_sections_are_joined_with_their_neighbours() -> None:
    sections = read("# Shortcuts\n\n## Save\n\nPress S.\n\n## Open\n\nPress O.\n\n## Close\n\nPress C.\n").sections

    assert len(sections) == 1
    assert all(f"**{name}**" in sections[0].body for name in ("Save", "Open", "Close"))


def test_docusaurus_pages_lose_what_only_their_site_understands() -> None:
    text = (
        "---\ntitle: Page\nslug: /\nsidebar_position: 3\n---\n\nimport Tabs from '@theme/Tabs';\n\n"
        ":::tip Good to know\nRead the [next page](next.md) or [the site](https://example.com).\n:::\n\n"
        "<CtaBox title='x' />\n\n<!-- secret -->\nPlain `<script>` text.\n"
    )

    document = read(text, "docs/intro.mdx")

    assert document.slug == "docs-intro"
    assert document.sections[0].body == (
        "**Good to know**\n\nRead the next page or [the site](https://example.com).\n\nPlain `<script>` text."
    )


def test_html_is_read_as_its_reader_sees_it() -> None:
    html = (
        "<!doctype html><html lang='es'><head><title>Ayuda</title><link rel=canonical href='https://a.b/c'>"
        "<style>p {color: red}</style></head><body><nav>Menu</nav><h1>Factura</h1><h2>¿Dónde está?</h2>"
        "<p>Siga estos <b>pasos</b>:</p><ol><li>Abra <a href='/x'>Ajustes</a></li>"
        "<li>Pulse<ul><li>Ver</li></ul></li></ol>"
        "<table><tr><th>Plan</th><th>Precio</th></tr><tr><td>Pro</td><td>12&nbsp;€</td></tr></table>"
        "<pre>a = 1\n  b</pre><script>alert(1)</script><p>Fin &amp; listo"
    )

    document = read(html, "factura.html")

    assert (document.title, document.language, document.url) == ("Factura", "es", "https://a.b/c")
    (section,) = document.sections
    assert section.heading == "¿Dónde está?"
    assert "Siga estos **pasos**:\n1. Abra Ajustes\n2. Pulse\n   - Ver" in section.body
    assert "| Plan | Precio |\n|---|---|\n| Pro | 12 € |" in section.body
    assert "```\na = 1\n  b\n```" in section.body
    assert "Menu" not in document.body
    assert "alert" not in document.body
    assert document.body.endswith("Fin & listo")


def test_plain_text_has_a_title_headings_and_steps() -> None:
    text = "Printer manual\n==============\n\nPaper jam\n\nDo this when paper is stuck:\n1. Open the lid.\n2. Pull.\n"

    document = read(text, "printer.txt")

    assert document.title == "Printer manual"
    assert document.sections[0].heading == "Paper jam"
    assert document.sections[0].body == "Do this when paper is stuck:\n1. Open the lid.\n2. Pull."


def test_a_draft_is_no_article() -> None:
    assert parse(b"---\ndraft: true\n---\n# Soon\n\nText.", PurePosixPath("soon.md")) is None


@pytest.mark.parametrize(
    ("raw", "name", "reason"),
    [
        (b"\xff\xfa\x00binary", "a.md", "not text"),
        (b"---\ntitle: [unclosed\n---\n# A\n\nText.", "a.md", "not YAML"),
        (b"---\n- a\n- b\n---\n# A\n\nText.", "a.md", "not a mapping"),
        (b"", "a.md", "no text"),
        (b"# Only a heading\n", "a.md", "no text"),
        (b"<script>x</script>", "a.html", "no text"),
        (b"<meta charset='klingon'><p>Hi", "a.html", "not text"),
    ],
)
def test_a_file_that_holds_no_article_says_why(raw: bytes, name: str, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        parse(raw, PurePosixPath(name))


def test_a_declared_character_set_is_respected() -> None:
    html = "<meta charset='iso-8859-1'><h1>Preise</h1><p>Größe</p>".encode("latin-1")

    assert read(html, "a.html").body == "Größe"


def test_control_characters_are_dropped() -> None:
    assert read(b"\xef\xbb\xbf# A\n\nOne\x07 two\x0b.").body == "One two."


def test_a_text_file_of_one_short_line_is_read_and_not_taken_for_an_empty_one() -> None:
    document = read("Office hours are nine to six", "opening-hours.txt")

    assert document.title == "Opening hours"
    assert [section.body for section in document.sections] == ["Office hours are nine to six"]
