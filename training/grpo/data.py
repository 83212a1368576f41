"""What GRPO asks, and who judges the answers: questions with their truth, or train articles with their reviewers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, InputError, Problem, printable
from bioreview_bench.llm.local.chat import Chat

from ..corpora.files import Corpus, Rows, asked_by, read_corpus, require_messages
from ..models.families import prompt_of
from ..qa.files import read_questions, require_held_out
from ..qa.verifiers import QaReward
from ..rewards.composer import RewardComposer
from ..runs.preparing import Model, require_made_for
from .config import ArticlesPart, GrpoConfig, QaRewardPart, QuestionsPart, ReviewRewardPart
from .judges import Judge, Prompt, QaJudge, ReviewJudge

_MOST_PROBLEMS = 20
Messages = tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Asked:
    """What is asked: (key, messages) in file order, how it is asked (for a summary), and what identifies it."""

    prompts: Sequence[tuple[str, Messages]]
    how: dict[str, Any]
    fingerprint: str
    manifest: Mapping[str, Any]
    source: Rows | Corpus
    remarks: Sequence[str]


def read_asked(config: GrpoConfig) -> Asked:
    """Read the data of a config, held-out tissues proved absent. Raises DataError, InputError."""
    if isinstance(config.data, QuestionsPart):
        return _questions(config, config.data)
    return _articles(config.data)


def require_fit(config: GrpoConfig, asked: Asked, model: Model) -> None:
    """Raise DataError when a corpus was cut for another model."""
    if isinstance(asked.source, Corpus):
        require_made_for(asked.source, model, config.model.name)


def prompts(config: GrpoConfig, asked: Asked, chat: Chat, progress: Callable[[int, int], None]) -> list[Prompt]:
    """Every prompt with its length. Raises DataError listing those that are too long; nothing is cut."""
    found = []
    for number, (key, messages) in enumerate(asked.prompts, start=1):
        found.append(Prompt(key, messages, len(chat.tokens(messages))))
        progress(number, len(asked.prompts))
    long = [
        Problem(f"{printable(one.key)}: {one.n_tokens:,}") for one in found if one.n_tokens > config.grpo.max_prompt
    ]
    if long:
        listed = "\n".join(f"  {one}" for one in long[:_MOST_PROBLEMS])
        raise DataError(
            f"{len(long):,} of {len(found):,} prompts have more tokens than grpo.max_prompt "
            f"({config.grpo.max_prompt:,}):\n{listed}",
            remedy="--set grpo.max_prompt=N and training.max_length with it, or make the data with shorter prompts",
        )
    require_enough(config, len(found))
    return found


def require_enough(config: GrpoConfig, n_prompts: int) -> None:
    """Raise InputError when the prompts do not fill one batch of groups."""
    if n_prompts < config.prompts_at_once:
        raise InputError(
            f"{config.prompts_at_once:,} prompts are sampled at once, and there are {n_prompts:,}.",
            remedy="--set a smaller training.accumulation, training.effective_batch and grpo.steps_per_generation",
        )


def judge_of(config: GrpoConfig, asked: Asked) -> Judge:
    """Who scores completions. For reviews the references are embedded now. Raises DataError, InputError,
    EncoderError."""
    composer = RewardComposer(dict(config.reward.weights))
    if isinstance(config.reward, QaRewardPart):
        rows = asked.source.rows if isinstance(asked.source, Rows) else ()
        reward = QaReward(composer, config.reward.v4_mode)
        _require_rewarded(rows, [name for name, weight in reward.weights.items() if weight > 0])
        return QaJudge(rows, reward, tuple(reward.weights))
    return _reviews(config.reward, asked, composer)


def _questions(config: GrpoConfig, part: QuestionsPart) -> Asked:
    read = read_questions(Path(part.folder), part.fingerprint)
    remarks = [
        f"{name} is held out, and {part.folder} has no question of it to evaluate on."
        for name in require_held_out(read, part.hold_out)
    ]
    found = [(str(row["id"]), tuple(row["prompt"])) for row in read.rows]
    return Asked(found, asked_by(read.manifest), read.fingerprint, read.manifest, read, remarks)


def _articles(part: ArticlesPart) -> Asked:
    corpus = read_corpus(Path(part.folder))
    require_messages(corpus)
    if part.fingerprint is not None and corpus.fingerprint != part.fingerprint:
        raise DataError(
            f"Wrong corpus fingerprint: {corpus.folder} is {corpus.fingerprint}, and the config wants "
            f"{part.fingerprint}.",
            remedy=f"train on the corpus you mean, or --set data.fingerprint={corpus.fingerprint}",
        )
    manifest = corpus.manifest
    for name, stated in (("thinking", part.thinking), ("system", part.system)):
        if manifest.get(name, stated) != stated:
            raise InputError(
                f"data.{name} is {printable(stated)} in the config and {printable(manifest[name])} in {corpus.folder}.",
                remedy="change the config, or name another corpus",
            )
    try:
        found = [(str(row["article_id"]), tuple(prompt_of(row["messages"], part.system))) for row in corpus.train]
    except ValueError as error:
        raise DataError(f"{corpus.folder}: {error}.", remedy="--set data.system as the corpus has it") from error
    if len({key for key, _ in found}) != len(found):
        raise DataError(f"{corpus.folder} asks for an article twice.", remedy="make the corpus again")
    how = {
        "prompt": {"id": manifest["prompt"]["id"], "sha256": manifest["prompt"]["sha256"]},
        "thinking": part.thinking,
        "system": part.system,
        "budget": manifest["budget"],
        "counter": manifest["counter"],
    }
    return Asked(found, how, corpus.fingerprint, manifest, corpus, ())


def _reviews(part: ReviewRewardPart, asked: Asked, composer: RewardComposer) -> Judge:
    from bioreview_bench.contract import Contract
    from bioreview_bench.data.load import load_split

    from ..rewards.references import CachedVectorizer, References, refuse_board
    from ..rewards.review import ReviewReward

    contract, board = Contract.load(part.contract), Contract.load(part.board)
    refuse_board(contract, board)
    split = load_split(part.data, "train")
    stated = (asked.manifest.get("data") or {}).get("fingerprint", {}).get("train")
    if stated is not None and stated != split.fingerprint:
        raise DataError(
            f"The corpus was made from other articles ({printable(stated)}) than {part.data}/train "
            f"({split.fingerprint}).",
            remedy="--set reward.data=DATA, the data that the corpus was made from",
        )
    vectorizer = CachedVectorizer(contract)
    references = References(split, contract, board, vectorizer)
    absent = [key for key, _ in asked.prompts if key not in set(references.ids)]
    if absent:
        raise DataError(
            f"{len(absent)} articles of the corpus have no counted reference in {part.data}/train: "
            f"{', '.join(map(printable, absent[:5]))}.",
            remedy="make the corpus from this data",
        )
    texts = {key: "\n\n".join(turn["content"] for turn in messages) for key, messages in asked.prompts}
    reward = ReviewReward(references, vectorizer, composer)
    return ReviewJudge(reward, texts, tuple(reward.weights))


def _require_rewarded(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    bare = [str(row["id"]) for row in rows if not set(names) & set(row["verifiers"])]
    if bare:
        raise DataError(
            f"{len(bare):,} questions can earn nothing: none of {', '.join(names)} applies to "
            f"{', '.join(map(printable, bare[:5]))}.",
            remedy="give one of their verifiers a weight in reward.weights",
        )
