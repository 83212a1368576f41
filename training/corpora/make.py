"""Making a corpus: data and recipe in, a folder out.

What a corpus holds, in numbers: concerns by label, lengths, and an audit of what was cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bioreview_bench.cli.progress import ProgressBar
from bioreview_bench.data.load import load_split
from bioreview_bench.data.split import Split
from bioreview_bench.errors import DataError, InputError, WriteError
from bioreview_bench.llm.local.model_files import shown_name
from bioreview_bench.llm.text.fitting import DEFAULT_BUDGET, load_counter
from bioreview_bench.llm.text.prompt import Prompt
from bioreview_bench.stats.percentiles import percentiles

from ..models.chat_templates import System, in_user
from .files import CORPUS, SPLITS, write_corpus
from .recipes import Filtered, Recipe, SelectedArticle, check_expected, choose, held_out
from .rows import EMPTY_THOUGHT, PERCENTILES, Builder, Lengths, TrainingExample, length_percentiles, load_chat

MAX_LENGTH = 16_384


@dataclass(frozen=True)
class CorpusSettings:
    """Everything that decides a corpus. `prompt` None means the one that asks for what the recipe's answers state;
    `counter` None the recipe's, or else the model's own, which needs `model`.

    `max_length` None means MAX_LENGTH where a model counts, and no bound where none does.
    """

    recipe: str
    data: str = "v3"
    model: str | None = None
    prompt: str | None = None
    system: System = "own"
    counter: str | None = None
    budget: int = DEFAULT_BUDGET
    max_length: int | None = None
    thinking: bool = False
    chat_template: str | None = None
    held_out: Path | None = None
    drop_held_out: bool = False
    limit: int | None = None
    allow_unfrozen: bool = False
    form: str = "messages"


def make_corpus(settings: CorpusSettings, out: Path, *, quiet: bool = False) -> tuple[dict[str, Any], str | None]:
    """Write the corpus that `settings` describe into the folder `out`.

    Returns its manifest, and a line that says that a verified release gave the published number of articles.
    Raises InputError, DataError, EncoderError, WriteError; then nothing is written.
    """
    if (out / CORPUS).exists():
        raise InputError(
            f"{out} already contains a corpus.", remedy="choose another folder with -o, or remove that one"
        )
    if out.exists() and not out.is_dir():
        raise WriteError(f"Cannot write to {out}: it is a file.", remedy="choose another folder with -o")
    builder = _builder(settings)
    recipe = builder.recipe
    splits = {
        name: load_split(settings.data, name, limit=settings.limit, allow_unfrozen=settings.allow_unfrozen)
        for name in SPLITS
    }
    barred = held_out(settings.data, settings.held_out, allow_unfrozen=settings.allow_unfrozen)
    if not settings.drop_held_out:
        barred.require_apart(splits)
    filtered = {name: choose(split, recipe, barred.members(split)) for name, split in splits.items()}
    checked = _check(recipe, splits, filtered)
    for name, kept in filtered.items():
        if not kept.chosen:
            raise DataError(
                f"Recipe {recipe.name} leaves no article of {name}: {_worded(kept.counts)}.",
                remedy="use a recipe that asks for less",
            )
    rows = {name: _rows(builder, name, kept.chosen, quiet) for name, kept in filtered.items()}
    facts = _facts(settings, builder, splits, filtered, rows)
    written = {name: [row.written(settings.form) for row in made] for name, made in rows.items()}
    return write_corpus(out, written, facts, settings.form), checked


def _builder(settings: CorpusSettings) -> Builder:
    recipe = Recipe.load(settings.recipe)
    prompt = Prompt.load(settings.prompt or recipe.prompt)
    _require_confidence_as_asked(prompt, recipe)
    settings = replace(settings, counter=settings.counter or recipe.counter)
    prompt = in_user(prompt) if settings.system == "in_user" else prompt
    if prompt.answer is None:
        raise InputError(
            f"The prompt {prompt.id} does not say which form of answer it asks for.",
            remedy='add answer = "objects", "labels" or "strings" to its file',
        )
    if settings.model is None:
        return _builder_without_model(settings, prompt, recipe)
    chat = load_chat(settings.model, settings.chat_template, thinking=settings.thinking)
    if prompt.system:
        try:
            chat.require_system()
        except InputError as error:
            remedy = "--system in_user puts it at the front of the user part"
            raise InputError(error.message, remedy=remedy) from error
    if settings.thinking and not chat.knows_thinking:
        raise InputError(
            f"The chat template of {shown_name(settings.model)} has no switch for thinking.",
            remedy="leave --thinking out",
        )
    counter = load_counter(settings.counter or "model", chat.tokenizer)
    most = settings.max_length or MAX_LENGTH
    opening = EMPTY_THOUGHT if settings.thinking else ""
    return Builder(
        prompt=prompt,
        recipe=recipe,
        counter=counter,
        budget=settings.budget,
        lengths=Lengths.of_chat(chat, settings.model),
        max_length=most,
        opening=opening,
    )


def _require_confidence_as_asked(prompt: Prompt, recipe: Recipe) -> None:
    """Raise InputError when answers would lack the confidence that the prompt asks for, or state one unasked."""
    states = recipe.target_confidence == "annotated"
    if prompt.answer == "objects" and not states:
        raise InputError(
            f"The prompt {prompt.id} asks for a confidence, and the answers of recipe {recipe.name} state none.",
            remedy=f'leave --prompt out ({recipe.prompt}), or use a recipe with target_confidence = "annotated"',
        )
    if prompt.answer == "labels" and states:
        raise InputError(
            f"The answers of recipe {recipe.name} state a confidence, and the prompt {prompt.id} asks for none.",
            remedy=f'leave --prompt out ({recipe.prompt}), or use a recipe with target_confidence = "none"',
        )


def _builder_without_model(settings: CorpusSettings, prompt: Prompt, recipe: Recipe) -> Builder:
    if settings.counter in (None, "model"):
        raise InputError(
            "Tokens are counted with the model's tokenizer, and no model is named.",
            remedy="--model MODEL, or --counter chars3 for an estimate (the published corpora)",
        )
    if settings.chat_template is not None or settings.thinking:
        raise InputError("A chat template and thinking belong to a model.", remedy="add --model MODEL")
    counter = load_counter(str(settings.counter))
    lengths = Lengths.of_counter(counter)
    return Builder(prompt, recipe, counter, settings.budget, lengths, settings.max_length)


def _rows(builder: Builder, split: str, chosen: Sequence[SelectedArticle], quiet: bool) -> list[TrainingExample]:
    bar = ProgressBar(f"Examples of {split}", len(chosen), quiet)
    try:
        return builder.rows(chosen, bar)
    finally:
        bar.stop()


def _check(recipe: Recipe, splits: Mapping[str, Split], filtered: Mapping[str, Filtered]) -> str | None:
    """Compare with published counts where every split is a verified release as a whole."""
    verified = all(one.verification in ("contents", "counts") and not one.limited for one in splits.values())
    if not verified or any(kept.counts["articles_held_out"] for kept in filtered.values()):
        return None
    counts = {name: len(kept.chosen) for name, kept in filtered.items()}
    return check_expected(recipe, splits["train"].data, counts)


def _facts(
    settings: CorpusSettings,
    builder: Builder,
    splits: Mapping[str, Split],
    filtered: Mapping[str, Filtered],
    rows: Mapping[str, list[TrainingExample]],
) -> dict[str, Any]:
    prompt, counter, lengths = builder.prompt, builder.counter, builder.lengths
    families = {name: {one.article.family for one in kept.chosen} for name, kept in filtered.items()}
    return {
        "recipe": builder.recipe.facts(),
        "data": {
            "label": splits["train"].data,
            "fingerprint": {name: split.fingerprint for name, split in splits.items()},
            "verification": {name: split.verification for name, split in splits.items()},
            "limit": settings.limit,
            "families_in_train_and_val": len(families["train"] & families["val"]),
        },
        "prompt": {"id": prompt.id, "sha256": prompt.sha256, "answer": prompt.answer},
        "counter": {"name": counter.name, "tokenizer_sha256": lengths.tokenizer_sha256},
        "model": lengths.model,
        "chat_template_sha256": lengths.template_sha256,
        "thinking": settings.thinking,
        "system": settings.system,
        "budget": settings.budget,
        "max_length": builder.max_length,
        "filters": {name: kept.counts for name, kept in filtered.items()},
        "statistics": {name: statistics(kept.chosen) for name, kept in filtered.items()},
        "truncation": {name: truncation(made) for name, made in rows.items()},
        "lengths": {
            "counted_by": lengths.name,
            **{
                name: length_percentiles([(row.n_prompt_tokens, row.n_target_tokens) for row in made])
                for name, made in rows.items()
            },
        },
    }


def _worded(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())


_MOST_SECTIONS = 10


def statistics(chosen: Sequence[SelectedArticle]) -> dict[str, Any]:
    """Articles and concerns of a split by source and label."""
    concerns = [concern for one in chosen for concern in one.concerns]
    return {
        "articles": len(chosen),
        "concerns": len(concerns),
        "articles_by_source": _counted(str(one.article.source) for one in chosen),
        "concerns_by_category": _counted(str(concern.category) for concern in concerns),
        "concerns_by_severity": _counted(str(concern.severity) for concern in concerns),
        "concerns_per_article": percentiles([len(one.concerns) for one in chosen], PERCENTILES),
    }


def truncation(rows: Sequence[TrainingExample]) -> dict[str, Any]:
    """What of the papers is missing from the prompts. Targets are never cut: `targets_cut` counts none by making.

    `kept_share` are percentiles, lowest first, of the share of a paper's tokens that its prompt holds, over the cut
    ones. `fits_budget` is the largest paper budget under which no target would have needed room of the paper.
    """
    cut = [row for row in rows if row.fitted.cut]
    shortened = [row.fitted.n_tokens for row in rows if row.shortened]
    shares = [row.fitted.n_tokens / row.fitted.n_tokens_full for row in cut]
    lost = Counter(name for row in cut for name in dict.fromkeys(row.fitted.cut_sections))
    return {
        "papers": len(rows),
        "papers_cut": len(cut),
        "tokens_cut": sum(row.fitted.n_tokens_full - row.fitted.n_tokens for row in cut),
        "kept_share": {f"p{p}": round(float(np.percentile(shares, p)), 3) for p in (0, 10, 50)} if shares else {},
        "sections_cut": dict(lost.most_common(_MOST_SECTIONS)),
        "papers_shortened_for_target": len(shortened),
        "fits_budget": min(shortened) if shortened else None,
        "targets_cut": 0,
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
