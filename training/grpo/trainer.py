"""TRL's GRPOTrainer with sealed checkpoints: prompts as inference asks them, and runs that go on as they were.

Imported only where training begins: it loads torch, transformers and TRL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import RepeatSampler

from bioreview_bench.llm.local.chat import Chat

from ..runs.trainers import Sealing


class EpochSampler(RepeatSampler):
    """TRL's sampler, whose order follows from seed and epoch: a run that goes on in its third epoch finds it again."""

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of this epoch next."""
        self.generator.manual_seed((self.seed or 0) + epoch)


class SealingGRPOTrainer(Sealing, GRPOTrainer):
    """`chat` makes a conversation's tokens, as generation and evaluation ask. `seconds` are of this process."""

    def __init__(self, *arguments: Any, chat: Chat, **options: Any) -> None:
        self._chat = chat
        self.seconds = {"generation": 0.0, "scoring": 0.0}
        super().__init__(*arguments, **options)

    def _tokenize_prompts(self, prompts: Sequence[Any]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [self._chat.tokens(prompt) for prompt in prompts], None, {}

    def _get_train_sampler(self: Any, dataset: Any = None) -> EpochSampler:
        return EpochSampler(
            data_source=self.train_dataset if dataset is None else dataset,
            mini_repeat_count=self.num_generations,
            batch_size=self.args.generation_batch_size // self.num_generations,
            repeat_count=self.num_iterations * self.args.steps_per_generation,
            shuffle=self.shuffle_dataset,
            seed=self.args.seed,
        )

    def _generate(self, prompts: Any) -> Any:
        return self._timed("generation", super()._generate, prompts)

    def _generate_single_turn(self: Any, *arguments: Any, **options: Any) -> Any:
        was_training = self.model.training
        self.model.eval()  # TRL would sample with the adapter's dropout, from another policy than is evaluated
        try:
            generate: Any = super()._generate_single_turn
            return generate(*arguments, **options)
        finally:
            self.model.train(was_training)

    def _calculate_rewards(self, *arguments: Any) -> Any:
        return self._timed("scoring", super()._calculate_rewards, *arguments)

    def _timed(self, what: str, work: Callable[..., Any], *arguments: Any) -> Any:
        begun = time.perf_counter()
        made = work(*arguments)
        spent = time.perf_counter() - begun
        self.seconds[what] += spent
        self._metrics["train"][f"seconds/{what}"].append(spent)
        return made
