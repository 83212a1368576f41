"""From a training config to TRL's arguments: every one that could matter is stated, none left to a library.

Whoever trains by another method of TRL starts from `common`, and adds what is the method's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bioreview_bench.errors import InputError

from ..config.parts import RunConfig, SftConfig


def require_batch(config: RunConfig, devices: int) -> None:
    """Raise InputError unless batch size x accumulation x devices is the effective batch that the config states."""
    part = config.training
    product = part.batch_size * part.accumulation * devices
    if product != part.effective_batch:
        raise InputError(
            f"{part.batch_size} (training.batch_size) x {part.accumulation} (training.accumulation) x {devices} "
            f"(devices) = {product}, and training.effective_batch is {part.effective_batch}.",
            remedy="--set training.accumulation=N so that the product is the batch you mean",
        )


def common(config: RunConfig, output: Path) -> dict[str, Any]:
    """Arguments of `transformers.TrainingArguments` and of TRL's base config."""
    t, o, k = config.training, config.optimiser, config.keeping
    bf16 = config.quantisation.compute_dtype == "bfloat16"
    return {
        "output_dir": str(output),
        "run_name": config.name,
        "report_to": list(k.report_to) or "none",
        "project": "bioreview-bench",
        "push_to_hub": False,
        "disable_tqdm": True,
        "log_level": "warning",
        # Batches and their order.
        "num_train_epochs": t.epochs,
        "max_steps": t.max_steps if t.max_steps is not None else -1,
        "per_device_train_batch_size": t.batch_size,
        "per_device_eval_batch_size": t.batch_size,
        "gradient_accumulation_steps": t.accumulation,
        "auto_find_batch_size": False,
        "average_tokens_across_devices": True,
        "train_sampling_strategy": "random",
        "dataloader_drop_last": False,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": config.model.device == "cuda",
        "accelerator_config": {
            "split_batches": False,
            "dispatch_batches": None,
            "even_batches": True,
            "use_seedable_sampler": True,
        },
        "remove_unused_columns": True,
        "seed": t.seed,
        "data_seed": t.seed,
        "full_determinism": False,
        # Optimiser and schedule.
        "optim": o.name,
        "learning_rate": o.lr,
        "lr_scheduler_type": o.schedule,
        "lr_scheduler_kwargs": None,
        "warmup_steps": o.warmup,  # below 1 it is a share of all steps
        "weight_decay": o.weight_decay,
        "adam_beta1": o.beta1,
        "adam_beta2": o.beta2,
        "adam_epsilon": o.epsilon,
        "max_grad_norm": o.max_grad_norm,
        "label_smoothing_factor": 0.0,
        "neftune_noise_alpha": None,
        # Numbers and memory.
        "bf16": bf16,
        "fp16": False,
        "bf16_full_eval": False,
        "tf32": None,
        "use_cpu": config.model.device == "cpu",
        "gradient_checkpointing": t.gradient_checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False} if t.gradient_checkpointing else None,
        "torch_compile": False,
        "use_liger_kernel": t.liger,
        "ddp_find_unused_parameters": False,
        # On the way.
        "logging_strategy": "steps",
        "logging_steps": k.log_steps,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": k.save_steps,
        "save_total_limit": k.keep_checkpoints,
        "save_only_model": False,
        "load_best_model_at_end": False,
        "eval_strategy": "no" if k.eval_steps is None else "steps",
        "eval_steps": k.eval_steps,
        "eval_on_start": False,
        "prediction_loss_only": True,
        "ignore_data_skip": False,
        "enable_jit_checkpoint": False,
    }


def sft(config: SftConfig, output: Path) -> dict[str, Any]:
    """Arguments of `trl.SFTConfig`. Examples come ready as tokens and labels, so nothing is prepared or cut by TRL."""
    packing = config.training.packing
    return {
        **common(config, output),
        "dataset_kwargs": None if packing else {"skip_prepare_dataset": True},
        "max_length": config.training.max_length,
        "truncation_mode": "keep_start",  # without effect: no example is longer than max_length
        "packing": packing,
        "packing_strategy": "bfd",
        "eval_packing": False,
        "padding_free": False,
        "pad_to_multiple_of": None,
        "shuffle_dataset": False,
        "completion_only_loss": True,
        "assistant_only_loss": False,
        "loss_type": "nll",
        "activation_offloading": False,
        "chat_template_path": None,
        "eos_token": None,
        "model_init_kwargs": None,
        "trust_remote_code": False,
    }
