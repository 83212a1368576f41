"""Notices of libraries that nobody can act on, each known by its text; whatever else a library says is shown.

A notice is here because of how this package uses the library, so an entry says why; a new version with another text is
heard again.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_DEPRECATED = r"`(is_)?gradient_checkpointing(_\w+)?` is deprecated and will be removed in v6\. Use `\w+` instead\.$"
# (category, text from its beginning)
_WARNINGS: tuple[tuple[type[Warning], str], ...] = (
    (FutureWarning, _DEPRECATED),  # TRL and PEFT still use these names of transformers
    # What it names instead is for models that TRL loads; ours are loaded before.
    (FutureWarning, r"`use_liger_kernel=True` is deprecated and will be removed in v2\.0\.0\. Use the Hub kernels"),
    # PEFT's own look at the vocabulary of a base model that is named, not looked up: nothing asks the Hub.
    (UserWarning, r"Could not find a config file in .* - will assume that the vocabulary was not modified\.$"),
    (UserWarning, "Found missing adapter keys while loading the checkpoint: "),  # an error of ours says which
    (UserWarning, r"Input and output embeddings are no longer tied after merging\. "),  # on purpose
    (UserWarning, r"Model with `tie_word_embeddings=True` and the tied_target_modules="),
)
# By logger: beginnings of messages.
_LOGGED = {
    # A kernel for CPUs that bitsandbytes would fetch from the Hub; it computes without it.
    "bitsandbytes.backends.cpu.ops": ("Failed to load CPU gemm_4bit_forward from kernels-community",),
    "transformers.trainer_utils": (
        # A resumed run was checked against what it was: these may differ.
        "Warning: The following arguments do not match the ones in the `trainer_state.json`",
        "mtime may not be reliable on this filesystem",  # checkpoints are then ordered by their step, as here
        "The tokenizer has new PAD/BOS/EOS tokens that differ from the model config",  # what is asked states its own
    ),
}


@contextmanager
def known_notices() -> Iterator[None]:
    """Leave the known warnings out inside."""
    leave_out_known_logs()
    with warnings.catch_warnings():
        for category, text in _WARNINGS:
            warnings.filterwarnings("ignore", text, category)
        yield


def leave_out_known_logs() -> None:
    """Leave out, from now on, the known messages of loggers; to be called before such a library is imported."""
    for name in _LOGGED:
        logging.getLogger(name).addFilter(_is_new)


def _is_new(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_LOGGED[record.name])
