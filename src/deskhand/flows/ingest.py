"""Ingest: files to articles, passages and vectors. Loading the same files again changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from deskhand import knowledge
from deskhand.company_folder import Company
from deskhand.flows.vectors import Outcome, Parts, Progress, Report, bring_up_to_date, serving_embedder, silent
from deskhand.knowledge import ArticleState, Document
from deskhand.log import get_logger

COMPANY_SOURCE = "company"
LARGEST_FILE = 4_000_000

log = get_logger("ingest")


class CompanyParts(Parts, Protocol):
    @property
    def company(self) -> Company: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that could not be loaded, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did: slugs of articles, the number of passages written, and the files left out."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    passages: int = 0
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Load:
    """One run over one source."""

    source: str
    states: dict[str, ArticleState]
    seen: set[str] = field(default_factory=set[str])
    unread: set[str] = field(default_factory=set[str])
    outcomes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    problems: list[Problem] = field(default_factory=list[Problem])
    passages: int = 0

    def note(self, outcome: Outcome, slug: str) -> Outcome:
        self.outcomes.setdefault(outcome, []).append(slug)
        return outcome

    def report(self) -> LoadReport:
        added, changed, unchanged, removed = (
            tuple(self.outcomes.get(name, ())) for name in ("added", "changed", "unchanged", "removed")
        )
        return LoadReport(added, changed, unchanged, removed, self.passages, tuple(self.problems))


async def load_company_knowledge(desk: CompanyParts, *, progress: Report = silent) -> LoadReport:
    """Load the company folder's own articles."""
    return await load_knowledge(desk, [desk.company.knowledge_dir], source=COMPANY_SOURCE, progress=progress)


async def load_knowledge(
    desk: Parts, paths: Sequence[Path], *, source: str | None = None, progress: Report = silent
) -> LoadReport:
    """Load folders and files; articles whose file vanished from a folder are retired.

    The folder is the source unless one is named. A single file belongs to the loaded folder that it lies in, or else to
    its own folder, and takes nothing away.
    """
    total = LoadReport()
    for path in paths:
        total = _sum(total, await _load_path(desk, path, source, progress))
    await bring_up_to_date(desk, changed=bool(total.passages or total.removed), progress=progress)
    log.info(
        "knowledge_loaded",
        added=len(total.added),
        changed=len(total.changed),
        unchanged=len(total.unchanged),
        removed=len(total.removed),
        passages=total.passages,
        problems=len(total.problems),
    )
    return total


async def _load_path(desk: Parts, path: Path, source: str | None, progress: Report) -> LoadReport:
    found = _find_files(path)
    if found is None:
        return LoadReport(problems=(Problem(str(path), "there is no such file or folder"),))
    path, files = found
    whole = [path] != files
    async with desk.db.transaction() as tx:
        states = {state.slug: state for state in await knowledge.list_states(tx)}
    root = path if whole else _root_of(path, states)
    load = _Load(source or str(root), states)
    for done, file in enumerate(files, start=1):
        outcome = await _load_file(desk, load, file, root)
        progress(Progress(done, len(files), file.relative_to(root).as_posix(), outcome))
    if whole:
        await _retire_vanished(desk, load)
    return load.report()


def _find_files(path: Path) -> tuple[Path, list[Path]] | None:
    """The full path and its files of readable kinds in a fixed order, nothing hidden; None when it isn't there."""
    path = path.expanduser().resolve()
    if not path.is_dir():
        return (path, [path]) if path.exists() else None
    files: list[Path] = []
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
        if not hidden and file.suffix.lower() in knowledge.SUFFIXES and file.is_file():
            files.append(file)
    return path, files


def _root_of(file: Path, states: dict[str, ArticleState]) -> Path:
    known = {Path(state.source) for state in states.values() if state.source.startswith("/")}
    inside = [root for root in known if file.is_relative_to(root)]
    return max(inside, key=lambda root: len(root.parts), default=file.parent)


async def _load_file(desk: Parts, load: _Load, file: Path, root: Path) -> Outcome:
    try:
        document = _read(file, root)
    except (OSError, knowledge.UnreadableFile) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        return _refuse(load, file, reason, root)
    if document is None:
        return "skipped"
    document = _with_free_slug(document, load)
    if document.slug in load.seen:
        return _refuse(load, file, f"another file of the folder has the slug '{document.slug}'", root)
    load.seen.add(document.slug)
    known = load.states.get(document.slug)
    if known and not known.retired and known.content_hash == knowledge.content_hash(document):
        return load.note("unchanged", document.slug)
    embedder = await serving_embedder(desk)
    vectors = await knowledge.embed_passages(
        embedder, [knowledge.texts_to_embed(document.title, part.heading, part.body) for part in document.sections]
    )
    async with desk.db.transaction() as tx:
        passages = await knowledge.save(tx, document, source=load.source, model=embedder.model_id, vectors=vectors)
    if passages is None:
        return load.note("unchanged", document.slug)
    load.passages += len(passages)
    return load.note("added" if known is None else "changed", document.slug)


def _refuse(load: _Load, file: Path, reason: str, root: Path) -> Outcome:
    """A file that can't be read has not vanished: what was loaded from it before stays."""
    load.problems.append(Problem(str(file), reason))
    load.unread.add(file.relative_to(root).as_posix())
    log.warning("file_not_loaded", path=str(file), reason=reason)
    return "skipped"


def _read(file: Path, root: Path) -> Document | None:
    if file.stat().st_size > LARGEST_FILE:
        raise knowledge.UnreadableFile(f"it is larger than {LARGEST_FILE // 1_000_000} MB")
    return knowledge.parse(file.read_bytes(), PurePosixPath(file.relative_to(root)))


def _with_free_slug(document: Document, load: _Load) -> Document:
    """Two sources may both have a 'reset-password': the later one's gets its folder's name in front."""
    known = load.states.get(document.slug)
    if known is None or known.source == load.source:
        return document
    label = knowledge.slugify(PurePosixPath(load.source).name)
    return replace(document, slug=f"{label}-{document.slug}", family=f"{label}-{document.family}")


async def _retire_vanished(desk: Parts, load: _Load) -> None:
    for state in load.states.values():
        gone = state.slug not in load.seen and state.path not in load.unread
        if state.source == load.source and not state.retired and gone:
            async with desk.db.transaction() as tx:
                if await knowledge.retire(tx, state.slug):
                    load.note("removed", state.slug)


def _sum(left: LoadReport, right: LoadReport) -> LoadReport:
    return LoadReport(
        left.added + right.added,
        left.changed + right.changed,
        left.unchanged + right.unchanged,
        left.removed + right.removed,
        left.passages + right.passages,
        left.problems + right.problems,
    )
