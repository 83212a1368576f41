"""TRL's GRPOTrainer with sealed checkpoints: prompts as inference asks them, and runs that go on as they were.

Imported only where training begins: it loads torch, transformers and TRL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import RepeatSampler

from ..runs.trainers import Sealing, Stop
from .config import GrpoConfig


class EpochSampler(RepeatSampler):
    """TRL's sampler, whose order follows from seed and epoch: a run that goes on in its third epoch finds it again."""

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of this epoch next."""
        self.generator.manual_seed((self.seed or 0) + epoch)


class SealingGRPOTrainer(Sealing, GRPOTrainer):
    """`tokens` gives a conversation's token ids, as generation and evaluation ask. `seconds` are of this process."""

    def __init__(self, *arguments: Any, tokens: Callable[[Any], list[int]], **options: Any) -> None:
        self._tokens = tokens
        self.seconds = {"generation": 0.0, "scoring": 0.0}
        super().__init__(*arguments, **options)

    def _tokenize_prompts(self, prompts: Sequence[Any]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [self._tokens(prompt) for prompt in prompts], None, {}

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


class StopBetween(Stop):
    """Stops where completions are used up: `span` optimiser steps share them, and they are not kept."""

    def __init__(self, say: Callable[[str], None], span: int) -> None:
        super().__init__(say)
        self._span = span

    def on_step_end(self, args: Any, state: Any, control: Any, **options: Any) -> Any:
        """Ask the trainer to save and stop, at the end of a span."""
        if state.global_step % self._span == 0:
            return super().on_step_end(args, state, control, **options)
        return control


def arguments(config: GrpoConfig, common: Mapping[str, Any], output: Path) -> dict[str, Any]:
    """Arguments of `trl.GRPOConfig`: every one that is its own is stated, those of vLLM when it is the engine."""
    g = config.grpo
    return {
        **common,
        "output_dir": str(output),
        "remove_unused_columns": False,  # the reward finds the truth by the column key
        "model_init_kwargs": None,
        "trust_remote_code": False,
        "router_aux_loss_coef": None,
        "disable_dropout": False,
        "cast_lm_head_to_fp32": False,
        # Groups and sampling.
        "num_generations": g.generations,
        "num_generations_eval": None,
        "max_completion_length": g.max_completion,
        "ds3_gather_for_generation": True,
        "shuffle_dataset": True,
        "pad_to_multiple_of": None,
        "generation_batch_size": None,  # follows from steps_per_generation
        "steps_per_generation": g.steps_per_generation,
        "temperature": g.temperature,
        "top_p": g.top_p,
        "top_k": g.top_k,
        "min_p": None,
        "generation_kwargs": None,
        "chat_template_kwargs": None,
        "repetition_penalty": g.repetition_penalty,
        "cache_implementation": None,
        "use_transformers_continuous_batching": False,
        "transformers_continuous_batching_config": None,
        # The loss.
        "beta": g.beta,
        "num_iterations": g.iterations,
        "epsilon": g.epsilon,
        "epsilon_high": None,  # the same
        "delta": None,
        "importance_sampling_level": "token",
        "reward_weights": None,  # one reward, composed before
        "multi_objective_aggregation": "sum_then_normalize",
        "scale_rewards": g.scale_rewards,
        "loss_type": g.loss_type,
        "mask_truncated_completions": g.mask_truncated,
        "sync_ref_model": False,
        "ref_model_mixup_alpha": 0.6,  # without effect: the reference stays as it is
        "ref_model_sync_steps": 512,
        "top_entropy_quantile": 1.0,
        "entropy_coef": 0.0,
        "use_adaptive_entropy": False,
        "entropy_coef_min": 0.0,  # without effect, as the next three
        "entropy_coef_max": 1.0,
        "entropy_coef_delta": 0.005,
        "entropy_target": 0.2,
        "sapo_temperature_neg": 1.05,  # of other losses, as the next five
        "sapo_temperature_pos": 1.0,
        "vespo_k_pos": 2.0,
        "vespo_lambda_pos": 3.0,
        "vespo_k_neg": 3.0,
        "vespo_lambda_neg": 2.0,
        "off_policy_mask_threshold": None,
        "use_bias_correction_kl": g.kl_corrected,
        "max_tool_calling_iterations": None,
        # What is logged of texts: our own files hold every sample.
        "log_completions": False,
        "log_multimodal": False,
        "num_completions_to_print": None,
        "log_unique_prompts": False,
        "log_completions_hub_repo": None,
        "use_vllm": g.engine == "vllm",
        **(_vllm(config) if g.engine == "vllm" else {}),
    }


def _vllm(config: GrpoConfig) -> dict[str, Any]:
    return {
        "vllm_mode": "colocate",
        "vllm_model_impl": "vllm",
        "vllm_enable_sleep_mode": False,
        "vllm_structured_outputs_regex": None,
        "vllm_gpu_memory_utilization": config.grpo.vllm_memory,
        "vllm_max_model_length": config.training.max_length,
        "vllm_tensor_parallel_size": 1,
        "vllm_importance_sampling_correction": True,
        "vllm_importance_sampling_mode": "sequence_mask",
        "vllm_importance_sampling_clip_max": 3.0,
        "vllm_importance_sampling_clip_min": None,
    }
