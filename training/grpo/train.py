"""Group relative policy optimisation of an adapter by rewards of what it samples, by TRL's GRPOTrainer.

What was left to TRL: sampling, advantages, loss, optimiser. What is ours: prompts are the tokens that inference asks
with, one reward is composed for each sample (`grpo.judges`), every sample is kept, and a run stops only where the
completions at hand are used up, so that it goes on as it was. The reference of the KL term is the model that training
starts from.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, InputError, Problem, printable

from ..console import Console, is_first_process
from ..corpora.files import asked_by
from ..models import memory
from ..models.families import prompt_of
from ..qa.files import read_questions, require_held_out
from ..rewards.composer import RewardComposer
from ..runs.inputs import Material, Model, corpus_material
from ..runs.run import Examples, Method, Run, Steps, estimated_tokens, shown
from .config import ArticlesPart, GrpoConfig, QuestionsPart
from .judges import FOLDER, ComposedReward, Rewarder, forget_samples, judge_of

_MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Query:
    """What is asked, under a key by which its reward finds the truth."""

    key: str
    messages: tuple[Mapping[str, str], ...]
    n_tokens: int


class Grpo(Method):
    """Data: questions, or train articles. Trainer: TRL's GRPOTrainer. Metrics: rewards."""

    name = "grpo"
    per_example = "prompts"

    def material(self, config: GrpoConfig) -> Material:
        """Questions with their truth, held-out tissues absent; or a corpus. Rows have a key and a prompt."""
        part = config.data
        material = _questions(part) if isinstance(part, QuestionsPart) else _articles(part)
        _require_enough(config, len(material.rows))
        return material

    def examples(self, config: GrpoConfig, material: Material, model: Model, console: Console) -> Examples:
        """Every prompt with its length; what is too long is an error, nothing is cut."""
        found = []
        for number, row in enumerate(material.rows, start=1):
            found.append(Query(row["key"], tuple(row["prompt"]), len(model.chat.tokens(row["prompt"]))))
            console.progress("prompts", number, len(material.rows))
        most = config.limit
        long = [Problem(f"{printable(one.key)}: {one.n_tokens:,}") for one in found if one.n_tokens > most]
        if long:
            listed = "\n".join(f"  {one}" for one in long[:_MOST_PROBLEMS])
            raise DataError(
                f"{len(long):,} of {len(found):,} prompts have more tokens than data.max_prompt ({most:,}):\n{listed}",
                remedy="--set data.max_prompt=N, or make the data with shorter prompts",
            )
        return Examples(found, (), [(one.n_tokens, 0) for one in found])

    def judge(self, config: GrpoConfig, material: Material) -> Rewarder:
        """Who scores completions. For reviews the references are embedded now."""
        return judge_of(config, material)

    def estimated(self, config: GrpoConfig, material: Material) -> tuple[Sequence[tuple[int, int]], str]:
        """By characters."""
        return [(estimated_tokens(row["prompt"]), 0) for row in material.rows], "estimated by characters"

    def needed(self, config: GrpoConfig, shape: memory.Shape) -> memory.MemoryEstimate:
        """As for supervised training; sampling holds keys and values of all that is sampled at once on a device."""
        found = memory.estimate(config, shape)
        at_once = config.sequences * config.trl["steps_per_generation"]
        per_token = 2 * shape.layers * (config.architecture.key_value_width or 0) * (2 if config.bf16 else 4)
        logits = at_once * shape.vocabulary * 8  # in 16 bits and in float32, with the sorted copy for top_p or top_k
        beyond = at_once * config.longest * per_token + logits - (found.activations + found.attention + found.output)
        return dataclasses.replace(found, sampling=max(0.0, beyond))

    def steps(self, config: GrpoConfig, n: int) -> Steps:
        """Whole batches of groups in an epoch, each used for `config.span` steps; others are left out each time."""
        batches, left_out = divmod(n, config.prompts_at_once)
        per_epoch, t = batches * config.span, config.trl
        total = t["max_steps"] if t["max_steps"] > 0 else math.ceil(t["num_train_epochs"] * per_epoch)
        reason = f"{per_epoch:,} an epoch"
        reason += f" ({left_out:,} prompts of each epoch, drawn afresh, do not fill a batch)" if left_out else ""
        groups = {
            "generations": t["num_generations"],
            "prompts_at_once": config.prompts_at_once,
            "sampled_at_once": config.sampled_at_once,
            "steps_for_each": config.span,
        }
        return Steps(per_epoch, total, reason, {"left_out": left_out, "groups": groups})

    def described(self, config: GrpoConfig, material: Material) -> list[str]:
        """Rewards and groups."""
        t, held = config.trl, getattr(config.data, "hold_out", [])
        weights = ", ".join(f"{name} {weight:g}" for name, weight in config.reward.weights.items())
        return [
            f"reward      {config.reward.kind}: {weights}; beta {t['beta']:g}, loss {t['loss_type']}"
            + (f"; held out: {', '.join(held)}" if held else ""),
            f"groups      {t['num_generations']} completions a prompt, of at most {config.data.max_prompt:,} + "
            f"{t['max_completion_length']:,} tokens; {config.prompts_at_once:,} prompts = "
            f"{config.sampled_at_once:,} completions sampled at once, used for {config.span:,} step"
            + ("" if config.span == 1 else "s"),
        ]

    def remarks(self, config: GrpoConfig, material: Material) -> list[str]:
        """Whether everything asked can be rewarded."""
        if config.data.kind == "qa":
            judge_of(config, material)
            return []
        RewardComposer(config.weights)
        return ["References are not embedded in a dry run."]

    def trainer(self, run: Run, given: Any, model: Any, adapter: Any) -> Any:
        """On conversations, with one composed reward."""
        from datasets import Dataset

        from .trainer import SealingGRPOTrainer

        if is_first_process():  # samples of steps that will be done again go
            forget_samples(run.out, 0 if run.resumed is None else run.resumed.step)
        queries: Sequence[Query] = run.examples.train
        rows = {"prompt": [list(map(dict, one.messages)) for one in queries], "key": [one.key for one in queries]}
        return SealingGRPOTrainer(
            model=model,
            reward_funcs=ComposedReward(run.judge, run.out),
            args=given,
            train_dataset=Dataset.from_dict(rows),
            processing_class=run.model.chat.tokenizer,
            peft_config=adapter,
            chat=run.model.chat,
        )

    def settled(self, run: Run, trainer: Any) -> str:
        """How many are sampled at once."""
        config = run.config
        return f" {config.prompts_at_once:,} prompts at once with {config.trl['num_generations']} completions each."

    def metrics(self, run: Run, trainer: Any, finished: bool) -> dict[str, Any]:
        """Rewards; counts of samples are of this part of the run."""
        history = [row for row in trainer.state.log_history if "reward" in row]
        [reward] = trainer.reward_funcs
        flat = [row["frac_reward_zero_std"] for row in history if row["frac_reward_zero_std"] is not None]
        return {
            "first_reward": history[0]["reward"] if history else None,
            "last_reward": history[-1]["reward"] if history else None,
            "groups_without_variance": sum(flat) / len(flat) if flat else None,
            "n_samples": reward.n_scored,
            "n_unrewarded": reward.n_none,
            "n_prompts": len(run.examples.train),
            "seconds": {name: round(value, 2) for name, value in trainer.seconds.items()},
        }

    def report(self, summary: Mapping[str, Any], out: Path) -> list[str]:
        """Rewards, and where the samples are."""
        metrics = summary["metrics"]
        return [
            f"reward {shown(metrics['first_reward'])} at first, {shown(metrics['last_reward'])} at last",
            f"Groups without variance: {shown(metrics['groups_without_variance'])}; {metrics['n_unrewarded']:,} of "
            f"{metrics['n_samples']:,} samples had no reward; samples are in {out / FOLDER}",
        ]


def _questions(part: QuestionsPart) -> Material:
    read = read_questions(Path(part.folder), part.fingerprint)
    remarks = [
        f"{name} is held out, and {part.folder} has no question of it to evaluate on."
        for name in require_held_out(read, part.hold_out)
    ]
    rows = [{**row, "key": str(row["id"])} for row in read.rows]
    return Material(read.folder, read.fingerprint, read.manifest, asked_by(read.manifest), rows, remarks=remarks)


def _articles(part: ArticlesPart) -> Material:
    material = corpus_material(part)
    try:
        rows = [
            {"key": str(row["article_id"]), "prompt": prompt_of(row["messages"], part.system)} for row in material.rows
        ]
    except ValueError as error:
        raise DataError(f"{material.folder}: {error}.", remedy="--set data.system as the corpus has it") from error
    if len({row["key"] for row in rows}) != len(rows):
        raise DataError(f"{material.folder} asks for an article twice.", remedy="make the corpus again")
    return dataclasses.replace(material, rows=rows, kept=())


def _require_enough(config: GrpoConfig, n_prompts: int) -> None:
    """Raise InputError when the prompts do not fill one batch of groups."""
    if n_prompts < config.prompts_at_once:
        raise InputError(
            f"{config.prompts_at_once:,} prompts are sampled at once, and there are {n_prompts:,}.",
            remedy="--set a smaller trl.gradient_accumulation_steps, effective_batch and trl.steps_per_generation",
        )
