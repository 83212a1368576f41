"""How near encoding comes to what the machine can multiply, and to the predecessor's way.

The contenders take turns on the same articles, and the machine's rates are measured between their turns, so that a
ratio means something on a machine whose speed changes.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from synthetic import PREDICTIONS, REFERENCES, Writer
from timing import Row, timed

Texts = list[str]


def encode(quick: bool) -> list[Row]:
    """Texts of `articles` in turns: per-article SentenceTransformer.encode, this package in fp32 and in bf16."""
    from bioreview_bench.encoders.model import LocalEncoder

    articles, turn = (24, 12) if quick else (240, 40)
    fp32, bf16 = _minilm("fp32"), _minilm("bf16")
    predecessor = _sentence_transformer(fp32)
    contenders: dict[str, Callable[[Sequence[tuple[Texts, Texts]]], object]] = {
        "per-article SentenceTransformer.encode": lambda part: [predecessor(side) for pair in part for side in pair],
        "fp32": lambda part: fp32.encode(_flat(part)),
        "bf16": lambda part: bf16.encode(_flat(part)),
    }
    made = list(_articles(articles))
    for run in contenders.values():
        run(made[:2])
    seconds = dict.fromkeys(contenders, 0.0)
    rates: dict[str, list[float]] = {}
    for start in range(0, articles, turn):
        part = made[start : start + turn]
        for name, run in contenders.items():
            seconds[name] += timed(partial(run, part))
            for kind, rate in _gemm_rates().items():
                rates.setdefault(kind, []).append(rate)
    typical = {kind: statistics.median(found) for kind, found in rates.items()}
    texts = _flat(made)
    flops = _flops(fp32, texts)
    rows = [Row(f"{kind} matrix product, GFLOP/s", f"{rate:.0f}") for kind, rate in typical.items()]
    slow = seconds["per-article SentenceTransformer.encode"]
    for name, taken in seconds.items():
        kind = "bf16" if name == "bf16" else "fp32"
        reached = flops / taken / 1e9
        shares = [f"{reached / rate:.0%} of {other}" for other, rate in typical.items() if other.startswith(kind)]
        rows.append(
            Row(
                f"encode, {name}",
                f"{taken:.2f} s, {len(texts) / taken:.0f} texts/s, {reached:.0f} GFLOP/s",
                f"{slow / taken:.2f}x; {', '.join(shares)}",
            )
        )
    assert isinstance(fp32, LocalEncoder)
    return rows


def adapter(quick: bool) -> list[Row]:
    """The same texts with and without the adapter of `reader`, in turns; the median of the turns' ratios."""
    plain, adapted = _minilm("fp32"), _minilm("fp32", "reader")
    turns = 4 if quick else 40
    made = list(_articles(4 * turns))
    parts = [_flat(made[start : start + 4]) for start in range(0, len(made), 4)]
    for encoder in (plain, adapted):
        encoder.encode(parts[0])
    seconds: dict[str, list[float]] = {"without": [], "with": []}
    for number, part in enumerate(parts):
        turn = [("without", plain), ("with", adapted)]
        for name, encoder in turn if number % 2 else reversed(turn):
            seconds[name].append(timed(partial(encoder.encode, part)))
    ratios = [after / before for before, after in zip(seconds["without"], seconds["with"], strict=True)]
    texts = sum(map(len, parts))
    rows = [Row(f"encode, {name} the adapter", f"{texts / sum(taken):.0f} texts/s") for name, taken in seconds.items()]
    return [*rows, Row("time with the adapter over time without", f"{statistics.median(ratios):.3f}", "at most 1.03")]


def device(quick: bool, name: str, dtype: str) -> list[Row]:
    """Random weights of SPECTER2's shape (BERT-base) on a device: texts a second, and the share of its rate."""
    import torch

    from bioreview_bench.encoders.model import LocalEncoder

    n = 64 if quick else 20_000
    with tempfile.TemporaryDirectory() as scratch:
        encoder = LocalEncoder(_random_bert_base(Path(scratch)), 512, dtype, name)
        writer = Writer()
        texts = [writer.text() for _ in range(n)]
        encoder.encode(texts[: max(8, n // 20)])
        taken = timed(lambda: encoder.encode(texts))
        flops = _flops(encoder, texts)
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[dtype]
    rate = _square_rate(name, kind)
    return [
        Row(f"{name} {dtype} matrix product, GFLOP/s", f"{rate:,.0f}"),
        Row(
            f"encode, BERT-base on {name} in {dtype} ({encoder.engine})",
            f"{n / taken:,.0f} texts/s",
            f"{flops / taken / 1e9 / rate:.0%} of the device's rate",
        ),
    ]


def _minilm(dtype: str, contract: str = "demo") -> Any:
    from bioreview_bench import Contract
    from bioreview_bench.encoders.files import resolve
    from bioreview_bench.encoders.model import LocalEncoder

    return LocalEncoder(resolve(Contract.load(contract)), 256, dtype)


def _sentence_transformer(encoder: Any) -> Callable[[Texts], object]:
    """The predecessor's way: the library with its defaults, called for one article at a time."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    transformer = Transformer(str(encoder.files.folder), max_seq_length=encoder.max_length)
    model = SentenceTransformer(modules=[transformer, Pooling(transformer.get_embedding_dimension(), "mean")])
    return lambda texts: model.encode(texts, normalize_embeddings=True, show_progress_bar=False)


def _articles(n: int) -> Iterator[tuple[Texts, Texts]]:
    writer = Writer()
    for _ in range(n):
        references, predictions = writer.count(REFERENCES, 3), writer.count(PREDICTIONS, 3)
        yield [writer.text() for _ in range(references)], [writer.text() for _ in range(predictions)]


def _flat(part: Sequence[tuple[Texts, Texts]]) -> Texts:
    return [text for pair in part for side in pair for text in side]


def _flops(encoder: Any, texts: Texts) -> float:
    """Operations of the model's matrix products on these texts, a multiplication and an addition counted as two.

    For each token and layer: query, key, value and output (4 h^2), the feed-forward pair (2 h f), and for attention
    scores and their weighted sum 2 h for each token of the text. Padding is not counted.
    """
    from transformers import AutoTokenizer

    config = json.loads((encoder.files.folder / "config.json").read_text())
    h, f, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    tokenizer = AutoTokenizer.from_pretrained(encoder.files.folder, local_files_only=True)
    counts = map(len, tokenizer(texts, truncation=True, max_length=encoder.max_length)["input_ids"])
    return float(sum(2 * n * layers * (4 * h * h + 2 * h * f + 2 * h * n) for n in counts))


def _gemm_rates() -> dict[str, float]:
    """GFLOP/s of matrix products on the CPU: torch's own fp32, oneDNN's fp32 and bf16 (packed weights)."""
    import torch

    m, k, n = 1024, 1536, 1536
    x, weight, bias = torch.randn(m, k), torch.randn(n, k), torch.zeros(n)
    low = [value.bfloat16() for value in (x, weight, bias)]
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, m)
    packed_low = torch.ops.mkldnn._reorder_linear_weight(low[1], m)
    product = torch.ops.mkldnn._linear_pointwise
    ways: dict[str, Callable[[], object]] = {
        "fp32 torch": lambda: torch.nn.functional.linear(x, weight, bias),
        "fp32 oneDNN": lambda: product(x, packed, bias, "none", [], ""),
        "bf16 oneDNN": lambda: product(low[0], packed_low, low[2], "none", [], ""),
    }
    with torch.inference_mode():
        return {name: 2e-9 * m * k * n / min(timed(way) for _ in range(12)) for name, way in ways.items()}


def _square_rate(name: str, kind: Any, size: int = 4096) -> float:
    import torch

    size = size if name.startswith("cuda") else 1024
    a, b = (torch.randn(size, size, dtype=kind, device=name) for _ in range(2))

    def product() -> None:
        a @ b
        if name.startswith("cuda"):
            torch.cuda.synchronize()

    return 2e-9 * size**3 / min(timed(product) for _ in range(20))


def _random_bert_base(folder: Path) -> Any:
    """Files of a BERT-base with random weights and MiniLM's tokenizer."""
    import shutil

    import torch
    from transformers import BertConfig, BertModel

    from bioreview_bench.encoders.files import resolve_spec
    from bioreview_bench.encoders.registry import EncoderSpec

    known = _minilm("fp32").files.folder
    for path in known.glob("*"):
        if path.name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
            shutil.copy(path, folder)
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=30522)).save_pretrained(folder)
    return resolve_spec(EncoderSpec(id="random-bert-base", repo=None, revision=None, max_length=512), folder)
