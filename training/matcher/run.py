"""A whole training: an adapter of every fold and one of all papers, the threshold, the validity card, the contract.

Each adapter is kept under `parts/` as it is made, and is not made again for the same base, texts and settings. At the
end `adapter.safetensors`, `adapter.json`, `contract.toml` and `contract.card.json` stand in the folder itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bioreview_bench.contracts.contract import CUSTOM, Contract
from bioreview_bench.data.article import Article
from bioreview_bench.data.split import fingerprint
from bioreview_bench.encoders.adapter import FACTORS, FACTS, Adapter, read_adapter
from bioreview_bench.encoders.files import EncoderFiles
from bioreview_bench.encoders.model import LocalEncoder
from bioreview_bench.files.atomic import write_files
from bioreview_bench.results.records import Encoder
from bioreview_bench.results.validity import ValidityCard
from bioreview_bench.validity.audit import audit
from bioreview_bench.validity.corpus import JudgedCorpus
from bioreview_bench.validity.judgements import Judgements
from bioreview_bench.validity.sheets import sheets

from .files import describe, factors_bytes, write_adapter
from .fit import fit
from .papers import MatchingTexts, TaughtPaper
from .settings import Settings
from .validate import FoldScorer, by_fold, limited_questions, operating_point

CONTRACT, CARD = "contract.toml", "contract.card.json"
_LIBRARIES = ("peft", "sentence-transformers", "torch", "transformers")


@dataclass(frozen=True)
class MatcherJob:
    """A training, checked. `folds` are ids of papers; `tests` are corpora that are never trained on.

    `data` names the articles that rows are about; `max_length` and `transform` are those of the contract.
    """

    files: EncoderFiles
    material: MatchingTexts
    tests: tuple[JudgedCorpus, ...]
    folds: tuple[tuple[str, ...], ...]
    settings: Settings
    max_length: int
    transform: str
    data: str
    out: Path

    def papers_without(self, ids: Sequence[str]) -> list[TaughtPaper]:
        """The papers that are trained on when `ids` are held out."""
        return [paper for paper in self.material.papers if paper.id not in set(ids)]

    @property
    def sources(self) -> dict[str, Any]:
        """What the texts are, by fingerprint."""
        material = self.material
        judged = [file for one in (material.judgements, material.unaudited) if one for file in one.files]
        files = [*judged, *(corpus.file for corpus in material.corpora)]
        return {
            "corpus": [{"name": one.name, "sha256": one.sha256, "n_texts": one.n_texts} for one in files],
            "data": {"name": self.data, "fingerprint": fingerprint(self.material.articles)},
        }


@dataclass(frozen=True)
class TrainedMatcher:
    """The adapter of all papers, and what cross-validation says of it (None without folds)."""

    adapter: Adapter
    contract: Contract | None
    card: ValidityCard | None
    folds: list[dict[str, Any]]


def train(job: MatcherJob, say: Callable[[str], None]) -> TrainedMatcher:
    """Train, validate, write. Raises EncoderError, InputError, WriteError."""
    parts = [train_part(job, number, say) for number in (*range(len(job.folds)), None)]
    whole, held_out = parts[-1], parts[:-1]
    if not job.folds or job.material.judgements is None:
        return TrainedMatcher(_finish(job, whole, None, []), None, None, [])
    scorer = _scorer(job, whole, held_out)
    contract, folds = _calibrated(job, scorer)
    scorer = replace(scorer, contract=contract)
    corpora = [*(corpus for corpus in map(_folded(job), job.material.corpora) if corpus is not None), *job.tests]
    named = f"{job.data}, cross-validated by article in {len(job.folds)} folds"
    articles = [article for article in job.material.articles if article.id in scorer.fold_of]
    card = audit(_about(articles, job.material.judgements), articles, scorer, named, corpora)
    adapter = _finish(job, whole, card, folds)
    contract.save(job.out / CONTRACT)
    card.save(job.out / CARD)
    return TrainedMatcher(adapter, contract, card, folds)


def train_part(job: MatcherJob, fold: int | None, say: Callable[[str], None]) -> Adapter:
    """The adapter that has not seen a fold; of all papers for None. Made unless it is there already."""
    name = "whole" if fold is None else f"fold-{fold + 1}"
    folder = job.out / "parts" / name
    held_out = () if fold is None else job.folds[fold]
    papers = job.papers_without(held_out)
    made_from = {
        "training": {
            **job.settings.as_dict(),
            "held_out": sorted(held_out),
            "libraries": {library: version(library) for library in _LIBRARIES},
        },
        **job.sources,
    }
    if _is_made(folder, made_from):
        say(f"{name}: already done")
        return read_adapter(folder)
    say(f"{name}: {sum(len(paper.texts) for paper in papers):,} texts of {len(papers)} papers")
    fitted = fit(job.files, papers, job.settings, lambda line: say(f"{name}: {line}"))
    facts = describe(job.files, fitted.factors, job.settings, job.max_length, made_from)
    _make(folder)
    write_adapter(folder, factors_bytes(fitted.factors, job.settings.scale), {**facts, "losses": fitted.losses})
    return read_adapter(folder)


def _make(folder: Path) -> None:
    from bioreview_bench.errors import cannot_write

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def _is_made(folder: Path, made_from: Mapping[str, Any]) -> bool:
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and all(facts.get(key) == value for key, value in made_from.items())


def _encoder(job: MatcherJob, adapter: Adapter) -> LocalEncoder:
    return LocalEncoder(replace(job.files, adapter=adapter), job.max_length)


def _scorer(job: MatcherJob, whole: Adapter, held_out: Sequence[Adapter]) -> FoldScorer:
    named = replace(whole, folder=job.out.resolve())
    files = replace(job.files, adapter=named)
    contract = Contract(
        name=job.out.resolve().name if job.out.resolve().name not in ("", CUSTOM) else "mine",
        encoder=files.id,
        threshold=0.0,
        revision=files.revision,
        weights_sha256=files.weights_sha256,
        adapter=str(job.out),
        files_sha256=named.files_sha256,
        max_length=job.max_length,
        transform=job.transform,
    )
    record = Encoder(
        id=files.id,
        revision=files.revision,
        weights_sha256=files.weights_sha256,
        files_sha256=files.files_sha256,
        verified=files.verified,
    )
    encoders = [_encoder(job, adapter) for adapter in held_out]
    fold_of = {article_id: fold for fold, ids in enumerate(job.folds) for article_id in ids}
    return FoldScorer(contract, record, files.part, _encoder(job, whole), encoders, fold_of)


def _calibrated(job: MatcherJob, scorer: FoldScorer) -> tuple[Contract, list[dict[str, Any]]]:
    """The contract at its operating point, and what it would have been without each fold."""
    judgements = job.material.judgements
    assert judgements is not None  # without, there is no card
    contract = scorer.contract
    articles = [article for article in job.material.articles if article.id in scorer.fold_of]
    written = [
        sheet
        for corpus in map(_folded(job), job.material.corpora)
        if corpus is not None
        for sheet in corpus.sheets(contract)
    ]
    told = [*written, *sheets(_about(articles, judgements), articles, contract)]
    limited = limited_questions(articles, written, contract)
    scores = scorer.scores([*limited, *(sheet.question for sheet in told)])
    kept = (limited, scores[: len(limited)])
    folds = by_fold(told, scores[len(limited) :], kept, scorer.fold_of)
    data = f"{job.data}#{fingerprint(articles)}"
    return replace(contract, threshold=operating_point(*kept), calibrated_on=data), folds


def _about(articles: Sequence[Article], judgements: Judgements) -> Judgements:
    """The judged texts that are about `articles`."""
    ids = {article.id for article in articles}
    return replace(judgements, texts=tuple(text for text in judgements.texts if text.article_id in ids))


def _folded(job: MatcherJob) -> Callable[[JudgedCorpus], JudgedCorpus | None]:
    """What of a corpus is about articles that stand in a fold; None when nothing is."""
    members = {article_id for ids in job.folds for article_id in ids}

    def cut(corpus: JudgedCorpus) -> JudgedCorpus | None:
        kept = tuple(article for article in corpus.articles if article.id in members)
        return replace(corpus, articles=kept) if kept else None

    return cut


def _finish(job: MatcherJob, whole: Adapter, card: ValidityCard | None, folds: Sequence[Mapping[str, Any]]) -> Adapter:
    facts = json.loads((whole.folder / FACTS).read_text(encoding="utf-8"))
    facts["cross_validation"] = list(folds)
    facts["validity"] = None if card is None else card.model_dump(mode="json")
    write_files(
        {
            job.out / FACTORS: (whole.folder / FACTORS).read_bytes(),
            job.out / FACTS: (json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(),
        }
    )
    return read_adapter(job.out)
