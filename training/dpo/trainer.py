"""TRL's DPOTrainer with sealed checkpoints, on pairs that come as tokens; and how often a model prefers the chosen.

Imported only where training begins: it loads torch, transformers and TRL.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from trl.trainer.dpo_trainer import DPOTrainer

from ..runs.trainers import Sealing


class SealingDPOTrainer(Sealing, DPOTrainer):
    """TRL's DPOTrainer with sealed checkpoints. Pairs were validated token by token, and are left as
    they are."""

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
