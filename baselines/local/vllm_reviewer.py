"""`vllm:MODEL`: a model that vLLM serves from this machine, for as long as the run lasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import InputError, printable
from bioreview_bench.llm.calls.asking import Asking
from bioreview_bench.llm.local.model_files import adapter_config, adapter_folder, described, model_folder, shown_name
from bioreview_bench.llm.providers.openai import OpenAIReviewer
from bioreview_bench.llm.review import GiveUp, Review, TryAgain

from ..registry import PROMPTED, Job, Registration
from .vllm_server import EXECUTABLE, VllmServer

# Sent with every request; `chat_template_kwargs` is ignored by templates that know no thinking.
DEFAULTS: Mapping[str, Any] = {
    "temperature": 0.1,
    "top_p": 0.9,
    "repetition_penalty": 1.05,
    "max_tokens": 4096,
    "seed": 42,
    "enable_thinking": False,
}
_SERVE = "serve."
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM takes for --max-lora-rank


class VllmReviewer:
    """Reviews with `model` under one adapter at most; `connect` starts the server, `close` ends it.

    Among `parameters`, `serve.NAME` are options of the server, `port` and `startup_timeout` are for its start, and
    the rest goes into every request.
    """

    def __init__(
        self,
        model: str,
        asking: Asking,
        *,
        adapters: Sequence[str] = (),
        tensor_parallel: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        """Raises EncoderError when files are missing, InputError for what vLLM does not do."""
        if len(adapters) > 1:
            raise InputError(
                "vLLM puts one adapter on a model at a time.", remedy="merge them into the model, or use hf:MODEL"
            )
        self.asking = asking
        self.name = f"vllm:{shown_name(model)}"
        given = {**DEFAULTS, **(parameters or {})}
        port, timeout = given.pop("port", None), given.pop("startup_timeout", 1800)
        if (port is not None and not isinstance(port, int)) or not isinstance(timeout, int | float):
            raise InputError("port and startup_timeout are numbers.", remedy="--param port=8000")
        serve = {key.removeprefix(_SERVE): value for key, value in given.items() if key.startswith(_SERVE)}
        sent = {key: value for key, value in given.items() if not key.startswith(_SERVE)}
        sent["chat_template_kwargs"] = {"enable_thinking": sent.pop("enable_thinking")}
        self._shown = described(model, adapters)
        self._serve, served = serve, shown_name(model)
        # Sampling as we state it, and not as a file beside the weights may.
        arguments = [str(model_folder(model)), "--served-model-name", served, "--generation-config", "vllm"]
        if tensor_parallel is not None:
            arguments += ["--tensor-parallel-size", str(tensor_parallel)]
        for name in adapters:
            at = adapter_folder(name)
            served = f"{served}+adapter"
            arguments += ["--enable-lora", "--lora-modules", f"{served}={at}", "--max-lora-rank", str(_rank(at))]
        for option, value in serve.items():
            arguments += _option(option, value)
        self._server = VllmServer(arguments, served, port=port, timeout=float(timeout))
        self._sent, self._served = sent, served
        self._inner: OpenAIReviewer | None = None

    def describe(self) -> dict[str, Any]:
        """Model, adapter, parameters and how it is asked; not the port, which changes nothing."""
        return {
            "provider": "vllm",
            **self._shown,
            "parameters": dict(self._sent),
            "serve": dict(self._serve),
            **self.asking.describe(),
        }

    def connect(self) -> None:
        """Start the server and wait for it. Raises EncoderError, InputError."""
        if self._inner is not None:
            return
        self._server.start()
        try:
            inner = OpenAIReviewer(
                self._served,
                self.asking,
                name=self.name,
                provider="vllm",
                base_url=self._server.url,
                key_env=None,
                parameters=self._sent,
            )
            inner.connect()
        except BaseException:
            self._server.stop()
            raise
        self._inner = inner

    async def review(self, manuscript: Manuscript) -> Review:
        """Ask once. Raises TryAgain; GiveUp when the server has died."""
        self.connect()
        assert self._inner is not None
        try:
            return await self._inner.review(manuscript)
        except TryAgain:
            died = self._server.died()
            if died is not None:
                raise GiveUp(died) from None
            raise

    async def close(self) -> None:
        """Close connections and end the server."""
        try:
            if self._inner is not None:
                await self._inner.close()
                self._inner = None
        finally:
            self._server.stop()


def _rank(adapter: Path) -> int:
    """The smallest rank that vLLM takes and that holds every module of the adapter: `rank_pattern` raises single
    ones above `r`. Raises EncoderError, InputError."""
    config = adapter_config(adapter)
    pattern = config.get("rank_pattern") or {}
    ranks = [config.get("r", 16), *(pattern.values() if isinstance(pattern, dict) else [pattern])]
    for rank in ranks:
        if not isinstance(rank, int) or isinstance(rank, bool) or not 0 < rank <= _RANKS[-1]:
            raise InputError(f"vLLM takes no adapter of rank {printable(rank)}.", remedy="merge it into the model")
    return next(known for known in _RANKS if known >= max(ranks))


def _option(name: str, value: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if value is True:
        return [flag]
    return [f"--no-{flag[2:]}"] if value is False else [flag, str(value)]


def _build(job: Job) -> VllmReviewer:
    # The tokenizer alone is loaded here, and only where it counts.
    tokenizer = model_folder(job.model) if (job.options.counter or "model") == "model" else None
    return VllmReviewer(
        job.model,
        job.asking(counter="model", tokenizer=tokenizer),
        adapters=job.options.adapters,
        tensor_parallel=job.options.tensor_parallel,
        parameters=job.parameters,
    )


REVIEWERS = (
    Registration(
        "vllm:MODEL",
        "a local model, served by vLLM",
        _build,
        PROMPTED | {"structured", "adapters", "tensor_parallel"},
        executable=(EXECUTABLE, "vllm"),
        concurrency=64,
        timeout=3600.0,
    ),
)
