"""Optional packages: asked for by a config, they are there, or training stops before it begins."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from bioreview_bench.errors import EncoderError

_TRAINING = ("accelerate", "bitsandbytes", "datasets", "peft", "trl", "yaml")
_NO_REPORT = "--set trl.report_to=[]"
_COMMANDS = {
    "flash_attn": "pip install flash-attn (needs a GPU), or --set model.attention=sdpa",
    "flash_attn_interface": "install FlashAttention 3 (needs a GPU), or --set model.attention=sdpa",
    "kernels": "pip install kernels (needs a GPU), or --set model.attention=sdpa",
    "liger_kernel": "pip install liger-kernel (needs a GPU), or --set trl.use_liger_kernel=false",
    "vllm": "pip install 'bioreview-bench[vllm]' (needs a GPU), or --set trl.use_vllm=false",
}


def require_training() -> None:
    """Raise EncoderError when the packages of the extra `training` are not all installed."""
    missing = [name for name in _TRAINING if find_spec(name) is None]
    if missing:
        raise EncoderError(
            f"Training needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed.",
            remedy="pip install 'bioreview-bench[training]'",
        )


def require_asked_for(names: Iterable[str]) -> None:
    """Raise EncoderError for a package that the config asks for by a setting and that is not installed."""
    for name in names:
        if find_spec(name) is None:
            raise EncoderError(
                f"The config asks for {name}, which is not installed; nothing takes its place.",
                remedy=_COMMANDS.get(name, f"pip install {name}, or {_NO_REPORT}"),
            )
