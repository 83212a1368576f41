"""TRL's DPOTrainer with sealed checkpoints, on pairs that come as tokens; and how often a model prefers the chosen.

Imported only where training begins: it loads torch, transformers and TRL.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trl.trainer.dpo_trainer import DPOTrainer

from ..runs.trainers import Sealing
from .config import DpoConfig


class SealingDPOTrainer(Sealing, DPOTrainer):
    """TRL's DPOTrainer with sealed checkpoints. Pairs are proved token by token before, and are left as they are."""

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset


@dataclass(frozen=True)
class Preference:
    """Over pairs: `accuracy` is the share whose chosen answer is the likelier one as a whole, `per_token` the share
    with the greater mean log-probability of a token (longer answers are not at a disadvantage), `margin` the mean of
    log p(chosen) - log p(rejected)."""

    n: int
    accuracy: float
    per_token: float
    margin: float

    def facts(self) -> dict[str, float]:
        """For a summary."""
        return asdict(self)


def preference(trainer: Any, *, reference: bool) -> Preference:
    """Of the trained policy on the trainer's evaluation pairs, or of the reference that it started from."""
    import torch
    from trl.trainer.utils import use_adapter

    model = trainer.accelerator.unwrap_model(trainer.model)
    switched = use_adapter(model, adapter_name="ref" if "ref" in model.peft_config else None)
    was_training = model.training
    model.eval()
    sums: list[tuple[float, float, int, int]] = []
    with torch.no_grad(), switched if reference else nullcontext():
        for batch in trainer.get_eval_dataloader():
            batch = trainer._prepare_inputs(batch)
            mask = batch["completion_mask"]
            labels = batch["input_ids"].masked_fill(mask == 0, -100)
            with trainer.accelerator.autocast():
                found = model(
                    input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels,
                    use_cache=False, fused_lm_head=True,
                ).log_probs  # fmt: skip
            lengths = mask.sum(dim=1)
            chosen, rejected = found.float().sum(dim=1).chunk(2)
            n_chosen, n_rejected = lengths.chunk(2)
            table = torch.stack([chosen, rejected, n_chosen.float(), n_rejected.float()], dim=1)
            sums += [tuple(row) for row in trainer.accelerator.gather_for_metrics(table).tolist()]
    model.train(was_training)
    n = len(sums)
    return Preference(
        n,
        sum(one > other for one, other, _, _ in sums) / n,
        sum(one / of_one > other / of_other for one, other, of_one, of_other in sums) / n,
        sum(one - other for one, other, _, _ in sums) / n,
    )


def arguments(config: DpoConfig, common: dict[str, Any], output: Path) -> dict[str, Any]:
    """Arguments of `trl.DPOConfig`: every one that is its own is stated."""
    return {
        **common,
        "output_dir": str(output),
        "model_init_kwargs": None,
        "trust_remote_code": False,
        "router_aux_loss_coef": None,
        "disable_dropout": False,  # the adapter's dropout is in the config; TRL would set it to 0
        "dataset_num_proc": None,
        "max_length": None,  # longer pairs were refused; nothing is cut
        "truncation_mode": "keep_start",
        "padding_free": False,
        "pad_to_multiple_of": None,
        "precompute_ref_log_probs": False,
        "precompute_ref_batch_size": None,
        "loss_type": [config.dpo.type],
        "loss_weights": None,
        "ld_alpha": None,
        "f_divergence_type": "reverse_kl",
        "f_alpha_divergence_coef": 0.5,  # without effect: of another divergence
        "label_smoothing": config.dpo.label_smoothing,
        "beta": config.dpo.beta,
        "use_weighting": False,
        "discopop_tau": 0.05,  # without effect: of another loss
        "activation_offloading": False,
        "sync_ref_model": False,
        "ref_model_mixup_alpha": 0.6,  # without effect: the reference stays as it is
        "ref_model_sync_steps": 512,
        "pad_token": None,
    }
