"""Known notices of libraries are left out by their text, and nothing else is."""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from importlib.util import find_spec

import pytest

from bioreview_bench.files.notices import known_notices, leave_out_known_logs

_DEPRECATED = "`{0}` is deprecated and will be removed in v6. Use `{1}` instead."
_UNTIED = "Input and output embeddings are no longer tied after merging."
KNOWN = (
    (FutureWarning, _DEPRECATED.format("is_gradient_checkpointing", "is_activation_checkpointing")),
    (
        FutureWarning,
        "`use_liger_kernel=True` is deprecated and will be removed in v2.0.0. Use the Hub kernels instead.",
    ),
    (FutureWarning, _DEPRECATED.format("gradient_checkpointing_kwargs", "activation_checkpointing_kwargs")),
    (UserWarning, "Could not find a config file in ORG/MODEL - will assume that the vocabulary was not modified."),
    (UserWarning, f"{_UNTIED} Setting `tie_word_embeddings=False` in the model config."),
)
NEW = (
    (FutureWarning, "`gradient_checkpointing` is wrong."),
    (FutureWarning, "`warmup_ratio` is deprecated and will be removed in v6. Use `warmup_steps` instead."),
    (UserWarning, "Could not find a config file in ORG/MODEL."),
    (DeprecationWarning, KNOWN[0][1]),
)


def test_known_warnings_are_left_out_and_all_others_shown() -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with known_notices():
            for category, text in (*KNOWN, *NEW):
                warnings.warn(text, category, stacklevel=1)
    assert [str(one.message) for one in heard] == [text for _, text in NEW]


def test_a_known_message_of_a_logger_is_left_out_and_its_others_are_not(caplog: pytest.LogCaptureFixture) -> None:
    leave_out_known_logs()
    leave_out_known_logs()
    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
    logger.warning("Failed to load CPU gemm_4bit_forward from kernels-community: %s. Please ...", "no kernels")
    logger.warning("Failed to load the library.")
    assert [one.getMessage() for one in caplog.records] == ["Failed to load the library."]


@pytest.mark.skipif(find_spec("trl") is None, reason="pip install 'bioreview-bench[training]'")
def test_a_command_that_imports_the_training_libraries_prints_nothing_of_theirs() -> None:
    script = "import sys\nfrom bioreview_bench.cli.main import run\nsys.exit(run(sys.argv[1:]))"
    words = ["train", "config", "show", "qwen3_8b"]
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    assert done.stderr == ""
