"""Every matcher that can run here, on judged pairs and on reviewers of known quality: the tables of docs/judging.md.

    python benchmarks/scoring/matchers.py ../shared/data/elife_pilot
    python benchmarks/scoring/matchers.py FOLDER mine.toml

FOLDER is a data folder with judged pairs in `judgements/*.jsonl`. Contract files that are named come on top of the
bundled contracts and of MiniLM at the thresholds that near misses allow; a judge has its own audit. Where a contract's
card was cross-validated, its figures are the card's: the contract itself has learnt from those articles. A contract
whose encoder is not here is named below the tables.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bioreview_bench.contracts.contract import BUNDLED, Contract
from bioreview_bench.data.load import load_split, locate
from bioreview_bench.errors import EncoderError
from bioreview_bench.report.blocks import DASH, Table, figure, to_markdown
from bioreview_bench.results.validity import OWN_WORDS, MatchFigures, Share, ValidityCard, load_card
from bioreview_bench.scoring.backends import Backend, choose
from bioreview_bench.validity.audit import audit
from bioreview_bench.validity.judgements import read_judgements
from bioreview_bench.validity.known_reviewers import DATA, REVIEWERS, try_contract
from bioreview_bench.validity.scorers import ContractScorer

# Where near misses reach at most 10 %, and echo, stock and other articles 5 %, on the pilot's train articles.
STRICT = {"demo": 0.80, "demo-topic": 0.62}
CROSS_VALIDATED = "cross-validated"
JUDGED = ["matcher", "threshold", "AP", "AP own words", "matched", "same point", "points found"]
JUDGED += ["restated found", "hurried found", "near misses", "echo", "stock", "other article"]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("contracts", nargs="*")
    given = parser.parse_args()
    split = load_split(given.folder, "all")
    judgements = read_judgements(sorted((given.folder / "judgements").glob("*.jsonl")), split, allow_extra=True)
    judged, known, absent = [], [], []
    for title, contract, card in _matchers(given.contracts):
        print(f"{title} ...", file=sys.stderr)
        try:
            backend = choose(contract, None, None, lambda done, total: None)
            if card is None:
                scorer = ContractScorer(contract, backend=backend)
                card = audit(judgements, split, scorer, given.folder.name, draws=0)
            judged.append(_judged(title, contract, card))
            known.append(_known(title, contract, backend))
        except EncoderError as error:
            absent.append(f"Not run: {title}. {error}")
    where = f"{len({text.article_id for text in judgements.texts})} judged articles of {given.folder.name}"
    tables = [Table(f"Judged pairs: {where}", JUDGED, judged)]
    tables.append(
        Table("Twelve invented papers: right matches of all matches", ["matcher", *REVIEWERS, "order"], known)
    )
    print(to_markdown(tables).partition("\n\n")[2])
    print("\n".join(absent))


def _matchers(named: Sequence[str]) -> Iterator[tuple[str, Contract, ValidityCard | None]]:
    """Title, contract, and the card where it was cross-validated."""
    for name in (*BUNDLED, *named):
        contract, card = Contract.load(name), load_card(name)
        trained = card is not None and CROSS_VALIDATED in card.measured_on.data
        yield f"{name} ({CROSS_VALIDATED})" if trained else name, contract, card if trained else None
        if name in STRICT:
            yield name, replace(contract, name="custom", threshold=STRICT[name]), None


def _judged(title: str, contract: Contract, card: ValidityCard) -> list[str]:
    own, others = card.groups[OWN_WORDS], card.reviewers
    found = [_share(others[name].found) if name in others else DASH for name in ("restated", "hurried")]
    near = _share(others["near_miss"].matched) if "near_miss" in others else DASH
    controls = [_share(card.controls[name]) for name in ("echo", "generic", "other")]
    precision = [figure(row.average_precision.value, 2) for row in (card.groups["all"], own)]
    return [title, f"{contract.threshold:.2f}", *precision, *_own(own), *found, near, *controls]


def _own(figures: MatchFigures) -> list[str]:
    """Comments in a reviewer's own words: how many are matched, how many of these rightly, and the share found."""
    return [f"{figures.matched_same.of} of {figures.n_texts}", str(figures.matched_same.n), _share(figures.found)]


def _known(title: str, contract: Contract, backend: Backend) -> list[str]:
    folder = locate(DATA)[1] / "predictions"
    files = {name: folder / f"{name}.jsonl" for name in REVIEWERS}
    trial = try_contract(contract, backend, load_split(DATA, "test"), files)
    order = f"{trial.n_pairs - len(trial.wrong)} of {trial.n_pairs}"
    return [title, *(f"{score.n_same}/{score.n_matched}" for score in trial.scores), order]


def _share(share: Share) -> str:
    return DASH if share.share is None else f"{share.share:.0%}"


if __name__ == "__main__":
    main()
