"""Would another back-end encode faster? MiniLM in fp32: this package, torch.compile, ONNX Runtime, OpenVINO.

    pip install onnx onnxruntime openvino          (none of them is needed by the package)
    python benchmarks/speed/backends.py [--data FOLDER] [--texts 600] [--rounds 3]

All get the same batches, sorted by length, and take turns; each must agree with this package to 1e-5. What is not
installed is left out, and says so. The texts are those of `--data` (references of all articles), else made up.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from encoding import _flops, _gemm_rates, _minilm
from synthetic import Writer
from timing import Row, machine, show

Batch = tuple[np.ndarray, np.ndarray]  # token ids and attention mask, (n, length)
States = Callable[[np.ndarray, np.ndarray], np.ndarray]
BUDGETS = (512, 1024)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a data folder, such as the pilot's")
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    texts = _texts(given.data, given.texts)
    encoder = _minilm("fp32")
    tokens = encoder._loaded.tokenise(texts)["input_ids"]
    contenders: dict[str, Callable[[], np.ndarray]] = {"this package": lambda: encoder.encode(texts)}
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, make in (("torch.compile", _inductor), ("ONNX Runtime", _onnx), ("OpenVINO", _openvino)):
            try:
                states = make(encoder, Path(scratch))
            except ImportError as error:
                rows.append(Row(name, "not installed", str(error)))
                continue
            for budget in BUDGETS:
                contenders[f"{name}, {budget} tokens"] = partial(_pooled, states, tokens, budget)
        best, found = {}, {}
        for _ in range(given.rounds):
            for name, run in contenders.items():
                begun = time.perf_counter()
                found[name] = run()
                seconds = time.perf_counter() - begun
                best[name] = min(best.get(name, seconds), seconds)
        rates = _gemm_rates()
    flops = _flops(encoder, texts)
    for name, seconds in best.items():
        off = float(np.abs(found[name] - found["this package"]).max())
        rate = f"{flops / seconds / 1e9:.0f} GFLOP/s"
        ratio = f"{best['this package'] / seconds:.2f}x this package, off by {off:.0e}"
        rows.append(Row(name, f"{seconds:.2f} s, {rate}", ratio))
    show("Machine", machine())
    show(f"{len(texts)} texts, {sum(map(len, tokens)):,} tokens", rows)
    show("Matrix products, GFLOP/s", [Row(name, f"{rate:.0f}") for name, rate in rates.items()])


def _texts(data: str | None, n: int) -> list[str]:
    if data is None:
        writer = Writer()
        return [writer.text() for _ in range(n)]
    from bioreview_bench import load_split

    return [concern.text for article in load_split(data, "all") for concern in article.concerns][:n]


def _pooled(states: States, tokens: list[list[int]], budget: int) -> np.ndarray:
    found = np.empty((len(tokens), 384), np.float32)
    for positions, (ids, mask) in _batches(tokens, budget):
        mean = (states(ids, mask) * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        found[positions] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return found


def _batches(tokens: list[list[int]], budget: int) -> Iterator[tuple[list[int], Batch]]:
    from bioreview_bench.encoders.model import plan

    for positions in plan([len(row) for row in tokens], budget):
        length = len(tokens[positions[0]])
        ids, mask = (np.zeros((len(positions), length), np.int64) for _ in range(2))
        for row, position in enumerate(positions):
            ids[row, : len(tokens[position])] = tokens[position]
            mask[row, : len(tokens[position])] = 1
        yield positions, (ids, mask)


def _module(encoder: Any) -> Any:
    import torch
    from transformers import BertModel

    class States(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = BertModel.from_pretrained(encoder.files.folder)

        def forward(self, ids: Any, mask: Any) -> Any:
            return self.bert(input_ids=ids, attention_mask=mask).last_hidden_state

    return States().eval()


def _inductor(encoder: Any, scratch: Path) -> States:
    import torch
    import torch._inductor.config

    torch._inductor.config.freezing = True
    compiled = torch.compile(_module(encoder), dynamic=True)

    def states(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(compiled(torch.from_numpy(ids), torch.from_numpy(mask)))

    return states


def _exported(encoder: Any, scratch: Path) -> Path:
    import onnx  # noqa: F401 (torch's exporter wants it)
    import torch

    path = scratch / "model.onnx"
    if not path.is_file():
        example = torch.ones(2, 7, dtype=torch.long), torch.ones(2, 7, dtype=torch.long)
        shape = {0: "texts", 1: "length"}
        with torch.inference_mode():
            torch.onnx.export(
                _module(encoder),
                example,
                str(path),
                input_names=["ids", "mask"],
                output_names=["states"],
                dynamic_axes={"ids": shape, "mask": shape, "states": shape},
                dynamo=False,
            )
    return path


def _onnx(encoder: Any, scratch: Path) -> States:
    import onnxruntime

    session = onnxruntime.InferenceSession(_exported(encoder, scratch), providers=["CPUExecutionProvider"])
    return lambda ids, mask: np.asarray(session.run(None, {"ids": ids, "mask": mask})[0])


def _openvino(encoder: Any, scratch: Path) -> States:
    import openvino

    options = {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}
    compiled = openvino.Core().compile_model(openvino.convert_model(_exported(encoder, scratch)), "CPU", options)
    return lambda ids, mask: np.asarray(compiled([ids, mask])[0])


if __name__ == "__main__":
    main()
