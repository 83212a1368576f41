"""Preference pairs out of several reviews of each train article, by their rewards.

The rule. Samples of an article that read alike are one; errors, and texts that were cut off, are left out. A pair is
two samples whose rewards differ by `margin` or more and of which the longer has at most `ratio` times the characters of
the shorter; of an article the pair with the greatest difference is taken (then the one whose lengths are closest).

At the end the chosen text is the longer one as often as it is the shorter, so that a model that learns nothing but
length gains nothing: articles that have a pair of the other kind change to it, smallest loss of difference first, and
what is then still too much is dropped, smallest difference first.

From predictions on train articles to a folder of preference pairs: read, score, choose, write.

The prompts are those of a corpus, so that the pairs ask as supervised training did; predictions that were made with
another prompt are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, InputError, Problem, cannot_write, printable
from bioreview_bench.files.atomic import write_files
from bioreview_bench.files.jsonl import parse_object, read_rows

from ..corpora.files import MANIFEST, PAIRS, TrainingCorpus
from ..models.families import prompt_of
from ..rewards.composer import Composed


@dataclass(frozen=True)
class Sample:
    """One review of an article: where it comes from, its text, and its reward."""

    source: str
    text: str
    reward: float


@dataclass(frozen=True)
class PreferencePair:
    """The pair of an article."""

    article_id: str
    chosen: Sample
    rejected: Sample

    @property
    def margin(self) -> float:
        """Difference of the rewards."""
        return self.chosen.reward - self.rejected.reward

    @property
    def longer(self) -> int:
        """1 when the chosen text is the longer one, -1 when it is the shorter, 0 when they are equal."""
        difference = len(self.chosen.text) - len(self.rejected.text)
        return (difference > 0) - (difference < 0)


@dataclass(frozen=True)
class PairSet:
    """Pairs by article, and how many articles gave none, by reason."""

    pairs: tuple[PreferencePair, ...]
    dropped: Mapping[str, int]


def choose(samples: Mapping[str, Sequence[Sample]], margin: float, ratio: float) -> PairSet:
    """Pairs by the rule above, in the order of `samples`. Raises InputError for impossible limits."""
    if margin <= 0 or ratio < 1:
        raise InputError(
            f"A margin of {margin:g} and a ratio of {ratio:g} are not limits.",
            remedy="--margin above 0, --ratio from 1",
        )
    found: list[list[PreferencePair]] = []
    dropped = {"fewer than two samples": 0, "margin": 0, "lengths": 0, "balance": 0}
    for article_id, given in samples.items():
        distinct = list({sample.text: sample for sample in reversed(given)}.values())[::-1]
        apart = [pair for pair in _ordered(article_id, distinct) if pair.margin >= margin]
        alike = [pair for pair in apart if _ratio(pair) <= ratio]
        if alike:
            found.append(sorted(alike, key=lambda pair: (-pair.margin, _ratio(pair))))
        elif len(distinct) < 2:
            dropped["fewer than two samples"] += 1
        else:
            dropped["lengths" if apart else "margin"] += 1
    kept = balanced(found)
    dropped["balance"] = len(found) - len(kept)
    return PairSet(tuple(kept), dropped)


def balanced(pairs: Sequence[Sequence[PreferencePair]]) -> list[PreferencePair]:
    """One pair of each article, of which `pairs` has all that may be taken, best first: longer and shorter equally
    often, by changing and then by dropping."""
    taken = {given[0].article_id: given[0] for given in pairs}
    surplus = sum(pair.longer for pair in taken.values())
    side = 1 if surplus > 0 else -1
    others = [
        (given[0].margin - other.margin, other)
        for given in pairs
        if given[0].longer == side
        for other in [next((pair for pair in given if pair.longer == -side), None)]
        if other is not None
    ]
    for _, other in sorted(others, key=lambda one: (one[0], one[1].article_id))[: abs(surplus) // 2]:
        taken[other.article_id] = other
    surplus = sum(pair.longer for pair in taken.values())
    more = sorted(
        (pair for pair in taken.values() if pair.longer == side), key=lambda pair: (pair.margin, pair.article_id)
    )
    for pair in more[: abs(surplus)]:
        del taken[pair.article_id]
    return list(taken.values())


def _ordered(article_id: str, samples: Iterable[Sample]) -> list[PreferencePair]:
    return [
        PreferencePair(article_id, *((one, other) if one.reward >= other.reward else (other, one)))
        for one, other in combinations(samples, 2)
    ]


def _ratio(pair: PreferencePair) -> float:
    lengths = sorted((len(pair.chosen.text), len(pair.rejected.text)))
    return lengths[1] / max(1, lengths[0])


SCORES = "scores.jsonl"
RUN = "run.json"
USED = ("ok", "repaired", "empty")
_THOUGHT = "</think>"
Score = Callable[[str, Sequence[str], str], list[Composed]]


@dataclass(frozen=True)
class SampledAnswers:
    """Texts by article of one predictions file, and what identifies it; rows of other statuses are counted."""

    name: str
    texts: Mapping[str, str]
    facts: Mapping[str, Any]


def read_predictions(path: Path, corpus: TrainingCorpus) -> SampledAnswers:
    """Read the stored outputs. Raises DataError; InputError when the file was made with another prompt."""
    digest = hashlib.sha256()
    texts: dict[str, str] = {}
    others: dict[str, int] = {}
    problems: list[Problem] = []
    for number, row in read_rows(path, DataError, digest.update):
        if isinstance(row, Problem):
            problems.append(row)
            continue
        article_id, raw, status = row.get("article_id"), row.get("raw_output"), row.get("status", "ok")
        if not isinstance(article_id, str) or article_id in texts:
            problems.append(Problem("article_id is missing, or occurs twice", number))
        elif status in USED and isinstance(raw, str):
            texts[article_id] = _said(raw)
        elif status in USED:
            problems.append(Problem("raw_output is missing", number))
        else:
            others[str(status)] = others.get(str(status), 0) + 1
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems[:20])
        raise DataError(f"{path} cannot be used:\n{listed}", remedy="name predictions of bench train generate")
    facts = {"sha256": digest.hexdigest(), "n_texts": len(texts), "left_out": others, **_run_facts(path, corpus)}
    return SampledAnswers(path.parent.name or path.stem, texts, facts)


def score_all(
    corpus: TrainingCorpus, predictions: Sequence[SampledAnswers], score: Score, progress: Callable[[int, int], None]
) -> tuple[dict[str, list[Sample]], list[dict[str, Any]]]:
    """(samples by article, every sample with its components). Raises InputError when no article has two texts."""
    prompts = {row["article_id"]: _asked(row, corpus) for row in corpus.train}
    known = [key for key in prompts if sum(key in one.texts for one in predictions) > 1]
    if not known:
        raise InputError(
            "No article of the corpus's train part has two texts.", remedy="name predictions of the split train"
        )
    samples: dict[str, list[Sample]] = {}
    kept: list[dict[str, Any]] = []
    for number, key in enumerate(known, start=1):
        given = [(one.name, one.texts[key]) for one in predictions if key in one.texts]
        prompt = "\n\n".join(turn["content"] for turn in prompts[key])
        found = score(key, [text for _, text in given], prompt)
        for (name, text), one in zip(given, found, strict=True):
            kept.append({"article_id": key, "source": name, "reward": one.total, "components": dict(one.components)})
            if one.total is not None and text.strip():
                samples.setdefault(key, []).append(Sample(name, text, one.total))
        progress(number, len(known))
    return samples, kept


def write_pairs(
    folder: Path, corpus: TrainingCorpus, chosen: PairSet, scores: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Write pairs, scores and manifest, all or none; returns the manifest. Raises WriteError, DataError (no pair)."""
    if not chosen.pairs:
        reasons = ", ".join(f"{name} {n}" for name, n in chosen.dropped.items() if n)
        raise DataError(f"No pair is left ({reasons}).", remedy="more samples, or a smaller --margin or larger --ratio")
    prompts = {row["article_id"]: _asked(row, corpus) for row in corpus.train}
    rows = [_row(pair, prompts[pair.article_id]) for pair in chosen.pairs]
    contents = {SCORES: _lines(scores), PAIRS: _lines(rows)}
    source = corpus.manifest
    manifest = {
        **facts,
        "asked": {
            "prompt": {"id": source["prompt"]["id"], "sha256": source["prompt"]["sha256"]},
            "thinking": bool(source.get("thinking", False)),
            "system": source.get("system", "own"),
            "budget": source["budget"],
            "counter": source["counter"],
        },
        "data": source["data"],
        "corpus": corpus.fingerprint,
        "dropped": dict(chosen.dropped),
        "chosen_longer": sum(pair.longer > 0 for pair in chosen.pairs),
        "chosen_shorter": sum(pair.longer < 0 for pair in chosen.pairs),
        "files": {
            name: {"rows": len(held), "sha256": hashlib.sha256(contents[name]).hexdigest()}
            for name, held in ((PAIRS, rows), (SCORES, scores))
        },
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    write_files({**{folder / name: held for name, held in contents.items()}, folder / MANIFEST: text.encode()})
    return manifest


def _asked(row: Mapping[str, Any], corpus: TrainingCorpus) -> Sequence[Mapping[str, str]]:
    try:
        return prompt_of(row["messages"], corpus.manifest.get("system", "own"))
    except ValueError as error:
        raise DataError(f"{printable(row['article_id'])} in {corpus.folder}: {error}.") from error


def _row(pair: PreferencePair, prompt: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {
        "id": pair.article_id,
        "article_id": pair.article_id,
        "prompt": list(prompt),
        "chosen": [{"role": "assistant", "content": pair.chosen.text}],
        "rejected": [{"role": "assistant", "content": pair.rejected.text}],
        "rewards": [pair.chosen.reward, pair.rejected.reward],
        "sources": [pair.chosen.source, pair.rejected.source],
    }


def _said(raw: str) -> str:
    """What was said after the thought, if there was one."""
    return raw.rpartition(_THOUGHT)[2].strip()


def _run_facts(path: Path, corpus: TrainingCorpus) -> dict[str, Any]:
    """What the run beside the predictions says of itself; nothing where there is none."""
    try:
        run = parse_object((path.parent / RUN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"run": None}
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot read {path.parent / RUN}: {error}.", remedy="restore the file") from error
    reviewer = run.get("reviewer")
    reviewer = reviewer if isinstance(reviewer, dict) else {}
    prompt = reviewer.get("prompt")
    sha256 = prompt.get("sha256") if isinstance(prompt, dict) else None
    wanted = corpus.manifest["prompt"]["sha256"]
    if sha256 is not None and sha256 != wanted:
        raise InputError(
            f"{path} was made with another prompt ({printable(sha256)[:12]}) than the corpus ({wanted[:12]}).",
            remedy="sample with the prompt of the corpus",
        )
    return {"run": {key: reviewer.get(key) for key in ("name", "parameters", "prompt")}}


def _lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows).encode()
