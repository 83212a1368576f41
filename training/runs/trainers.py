"""Parts for TRL's trainers: sealed checkpoints, resuming in the dtype that was trained, stops that are asked for.

Imported only where training begins: it loads torch, transformers and TRL. A method's trainer is `Sealing` with TRL's
class.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import PrinterCallback, ProgressCallback, TrainerCallback

from ..models.lora import load_into, save_adapter
from .folder import seal

if TYPE_CHECKING:
    from ..console import Console
    from .training import RunRecord

_SHOWN = (
    "loss", "eval_loss", "reward", "frac_reward_zero_std", "rewards/accuracies", "kl", "learning_rate", "grad_norm",
)  # fmt: skip
_SHORT = {"frac_reward_zero_std": "groups without variance", "rewards/accuracies": "pairs right"}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Sealing:
    """Mixed into a trainer. `record`, set before training, adds its files to a checkpoint before it is sealed."""

    record: RunRecord

    def __init__(self: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.remove_callback(PrinterCallback)  # both write to stdout, which is for reports
        self.remove_callback(ProgressCallback)

    def create_model_card(self: Any, *arguments: Any, **options: Any) -> None:
        """Nothing: cards come from `bench train card`."""

    def _save(self: Any, output_dir: str | None = None, state_dict: Any = None) -> None:
        # Not by PEFT's default, which asks the Hub for the base model's config each time.
        if self.args.should_save:
            folder = Path(output_dir or self.args.output_dir)
            save_adapter(self.model, folder, state_dict)
            self.processing_class.save_pretrained(folder)

    def _save_checkpoint(self: Any, model: Any, trial: Any) -> None:
        trainer: Any = super()
        trainer._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()  # every process has its random state in it
        if self.args.should_save:
            folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
            self.record.checkpoint(self, folder)
            seal(folder)

    def _load_from_checkpoint(self: Any, resume_from_checkpoint: str, model: Any = None) -> None:
        load_into(self.model if model is None else model, Path(resume_from_checkpoint))


class Stop(TrainerCallback):
    """Ends training after the step in which a signal came, with a checkpoint; a second Ctrl-C ends it at once.

    With a `span` it stops only where that many steps are done: in GRPO they share completions, which are not kept.
    """

    def __init__(self, console: Console, span: int) -> None:
        self.signal: signal.Signals | None = None
        self._console, self._span = console, span

    def asked(self, number: int, frame: Any) -> None:
        """Handle a signal."""
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.signal is None:
            self.signal = signal.Signals(number)
            self._console.say(
                f"{self.signal.name}: stopping after this step, with a checkpoint (Ctrl-C stops at once) ..."
            )

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals inside."""
        before = {number: signal.signal(number, self.asked) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Ask the trainer to save and stop."""
        if state.global_step % self._span == 0 and _anywhere(self.signal is not None):
            control.should_save = True
            control.should_training_stop = True
        return control


class Watch(TrainerCallback):
    """Prints every log, with the seconds of a step and what is left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = (0, 0.0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock."""
        self._started = (state.global_step, time.monotonic())

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """One line."""
        if not logs or not state.is_world_process_zero or not {"loss", "eval_loss"} & logs.keys():
            return
        step, begun = self._started
        each = (time.monotonic() - begun) / max(1, state.global_step - step)
        left = each * (state.max_steps - state.global_step)
        shown = [f"{_SHORT.get(name, name)} {logs[name]:.4g}" for name in _SHOWN if logs.get(name) is not None]
        self._console.say(
            f"step {state.global_step:,}/{state.max_steps:,}  {'  '.join(shown)}  {each:.1f} s/step  "
            f"{time.strftime('%H:%M:%S', time.gmtime(left)) if left < 86400 else f'{left / 3600:.0f} h'} left"
        )


def _anywhere(here: bool) -> bool:
    """True on every process when it is true on one: all must save at the same step."""
    import torch

    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return here
    device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
    flag = torch.tensor([int(here)], device=device)
    torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
    return bool(flag.item())
