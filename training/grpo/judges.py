"""Who judges completions, and the one composed reward that TRL gets: its components logged, every sample kept.

TRL could weigh several rewards itself, but it would count a component that does not apply as 0. Here each sample is
composed first (`rewards.composer`); a sample to which nothing applies has no reward, and is counted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from bioreview_bench.errors import DataError, cannot_write, printable
from bioreview_bench.files.atomic import write_files

from ..qa.verifiers import QaReward
from ..rewards.composer import Composed, RewardComposer
from ..rewards.review import ReviewReward
from ..runs.inputs import Material
from .config import GrpoConfig, QaRewardPart, ReviewRewardPart

FOLDER = "samples"


class Rewarder(Protocol):
    """Scores completions; `names` are the components that it returns."""

    @property
    def names(self) -> tuple[str, ...]:
        """Those with a weight in their order first."""
        ...

    def score(self, keys: Sequence[str], completions: Sequence[str]) -> list[Composed]:
        """One for each completion."""
        ...


class QaRewarder:
    """Answers to questions; `rows` are those of `grpo.jsonl`."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], reward: QaReward, names: Sequence[str]) -> None:
        self._rows = {str(row["id"]): row for row in rows}
        self._reward = reward
        self.names = tuple(names)

    def score(self, keys: Sequence[str], completions: Sequence[str]) -> list[Composed]:
        """Each by the truth of its question."""
        return [self._reward.score(self._rows[key], text) for key, text in zip(keys, completions, strict=True)]


class ReviewRewarder:
    """Reviews of train articles; the key of a prompt is its article's id, `asked` what the model was asked."""

    def __init__(self, reward: ReviewReward, asked: Mapping[str, str], names: Sequence[str]) -> None:
        self._reward = reward
        self._asked = asked
        self.names = tuple(names)

    def score(self, keys: Sequence[str], completions: Sequence[str]) -> list[Composed]:
        """Completions of one article that follow each other are scored together, in one batch of the encoder."""
        found: list[Composed] = []
        for key, group in groupby(zip(keys, completions, strict=True), key=lambda pair: pair[0]):
            found += self._reward.score(key, [text for _, text in group], self._asked[key])
        return found


def judge_of(config: GrpoConfig, material: Material) -> Rewarder:
    """Who scores completions. For reviews the references are embedded now. Raises DataError, InputError,
    EncoderError."""
    composer = RewardComposer(config.weights)
    if isinstance(config.reward, QaRewardPart):
        reward = QaReward(composer, config.reward.v4_mode)
        _require_rewarded(material.rows, [name for name, weight in reward.weights.items() if weight > 0])
        return QaRewarder(material.rows, reward, tuple(reward.weights))
    return _reviews(config.reward, material, composer)


def _reviews(part: ReviewRewardPart, material: Material, composer: RewardComposer) -> Rewarder:
    from bioreview_bench.data.load import load_split

    split = load_split(part.data, "train")
    stated = (material.manifest.get("data") or {}).get("fingerprint", {}).get("train")
    if stated is not None and stated != split.fingerprint:
        raise DataError(
            f"The corpus was made from other articles ({printable(stated)}) than {part.data}/train "
            f"({split.fingerprint}).",
            remedy="--set reward.data=DATA, the data that the corpus was made from",
        )
    reward = ReviewReward.load(split, part.contract, part.board, composer)
    texts = {row["key"]: "\n\n".join(turn["content"] for turn in row["prompt"]) for row in material.rows}
    reward.require_known(texts, part.data, "make the corpus from this data")
    return ReviewRewarder(reward, texts, reward.names)


def _require_rewarded(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    bare = [str(row["id"]) for row in rows if not set(names) & set(row["verifiers"])]
    if bare:
        raise DataError(
            f"{len(bare):,} questions can earn nothing: none of {', '.join(names)} applies to "
            f"{', '.join(map(printable, bare[:5]))}.",
            remedy="give one of their verifiers a weight in reward.weights",
        )


class ComposedReward:
    """The function that TRL calls: one reward for each completion, None where nothing applies.

    Every sample goes to `samples/STEP.jsonl` in the run's folder; means of components, and the shares of samples that
    each applies to, go to TRL's log.
    """

    __name__ = "composed"  # by which TRL's log calls it

    def __init__(self, judge: Rewarder, out: Path) -> None:
        self._judge = judge
        self._out = out
        self.n_scored = 0
        self.n_none = 0

    def __call__(
        self,
        *,
        completions: Sequence[Sequence[Mapping[str, str]]],
        key: Sequence[str],
        trainer_state: Any,
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        """Score, log, keep."""
        texts = [turns[-1]["content"] for turns in completions]
        found = self._judge.score(key, texts)
        self.n_scored += len(found)
        self.n_none += sum(one.total is None for one in found)
        for name, value in means(found, self._judge.names).items():
            log_metric(name, value)
        write_samples(self._out, trainer_state.global_step, key, texts, found)
        return [one.total for one in found]


def means(found: Sequence[Composed], names: Sequence[str]) -> dict[str, float]:
    """`components/NAME` (mean over samples it applies to; absent where it applies to none), `components/NAME/applies`
    and `unrewarded` (shares of samples)."""
    result: dict[str, float] = {}
    for name in names:
        values = [value for one in found if (value := one.components.get(name)) is not None]
        if values:
            result[f"components/{name}"] = sum(values) / len(values)
        result[f"components/{name}/applies"] = len(values) / len(found)
    result["unrewarded"] = sum(one.total is None for one in found) / len(found)
    return result


def write_samples(out: Path, step: int, keys: Sequence[str], texts: Sequence[str], found: Sequence[Composed]) -> None:
    """Write what was sampled at a step, one row a completion. Raises WriteError."""
    folder = out / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    rows = (
        {"step": step, "key": key, "reward": one.total, "components": dict(one.components), "completion": text}
        for key, text, one in zip(keys, texts, found, strict=True)
    )
    content = "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows).encode("ascii")
    write_files({folder / f"{step:06d}-{os.environ.get('RANK', '0')}.jsonl": content})


def forget_samples(out: Path, step: int) -> None:
    """Remove the samples of `step` and later ones, before a run goes on from there. Raises WriteError."""
    folder = out / FOLDER
    try:
        for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else []:
            number = path.name.partition("-")[0]
            if number.isdecimal() and int(number) >= step:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
