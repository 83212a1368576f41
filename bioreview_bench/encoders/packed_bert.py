"""BERT on a CPU, without padding in its matrix products, through oneDNN.

The same arithmetic as `transformers.BertModel`, arranged for a CPU: the tokens of a batch stand one after another, so
that no product is spent on padding (attention alone sees padded keys, masked); query, key and value are one product;
weights are packed once; activations and residuals are added while a product is still in cache. torch's own float32
products go through MKL, which on some CPUs runs at half of oneDNN's rate (benchmarks/speed/table.py encode measures
both).

Only the plain architecture is taken (`fits`); other models run as their library defines them. What is loaded is
checked against that definition before it is used.

Batches side by side: each core of a CPU computes one of its own, and none waits for its share of a product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from torch import Tensor


# Keys are padded to a multiple of this: kernels for small products are fastest there.
_ALIGN = 16
# The tokens of a batch are filled up to a multiple of this: oneDNN compiles a kernel for every number of rows it meets.
_ROWS = 16
# Totals of exponentials between its inverse and this are far from the ends of float32's range, which is bfloat16's too.
_FAR = 1e30
PACKED_DTYPES = ("fp32", "bf16")


@dataclass(frozen=True)
class _Linear:
    """A packed weight and its bias."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor, activation: str = "none") -> Tensor:
        import torch

        algorithm = "none" if activation == "gelu" else ""  # "none" is the exact gelu, by the error function
        found: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, activation, [], algorithm)
        return found

    def plus(self, x: Tensor, residual: Tensor) -> Tensor:
        """Its product, and `residual` added while that is still in cache."""
        import torch

        found: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, residual, self.weight, self.bias, "add")
        return found


@dataclass(frozen=True)
class _Norm:
    weight: Tensor
    bias: Tensor
    epsilon: float

    def __call__(self, x: Tensor) -> Tensor:
        from torch.nn.functional import layer_norm

        return layer_norm(x, self.bias.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True)
class _Layer:
    qkv: _Linear
    out: _Linear
    norm: _Norm
    up: _Linear
    down: _Linear
    last_norm: _Norm


class PackedBert:
    """Mean-pooled, L2-normalised vectors of a BertModel's texts. `dtype` is fp32 or bf16; vectors are float32."""

    def __init__(self, model: Any, dtype: str, rows: int) -> None:
        import torch

        self._dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
        self._rows = rows
        config, embeddings = model.config, model.embeddings
        self._heads = config.num_attention_heads
        self._words = self._plain(embeddings.word_embeddings.weight)
        # All tokens are of the first segment, so that its embedding is part of every position's.
        segment = embeddings.token_type_embeddings.weight[0]
        self._positions = self._plain(embeddings.position_embeddings.weight + segment)
        self._first_norm = self._norm(embeddings.LayerNorm)
        self._layers = [self._layer(layer) for layer in model.encoder.layer]

    def encode(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """(n, d) float32 vectors of n token lists, none of them empty."""
        import torch
        from torch.nn.functional import normalize

        lengths = torch.tensor([len(tokens) for tokens in texts])
        total = int(lengths.sum())
        filling = [0] * (-total % _ROWS)
        tokens = torch.tensor([token for row in texts for token in row] + filling)
        places = torch.cat([*(torch.arange(len(row)) for row in texts), torch.tensor(filling, dtype=torch.long)])
        rows = torch.repeat_interleave(torch.arange(len(texts)), lengths)
        with torch.inference_mode():
            padding = _Padding.of(lengths, rows, places, self._dtype)
            x = self._first_norm(self._words.index_select(0, tokens) + self._positions.index_select(0, places))
            for layer in self._layers:
                attended = self._attend(layer.qkv(x), padding)
                x = layer.norm(layer.out.plus(attended, x))
                x = layer.last_norm(layer.down.plus(layer.up(x, "gelu"), x))
            summed = torch.zeros(len(texts), x.shape[1]).index_add_(0, rows, x[:total].float())
            return normalize(summed / lengths[:, None], dim=1)

    def _attend(self, qkv: Tensor, padding: _Padding) -> Tensor:
        import torch
        from torch.nn.functional import scaled_dot_product_attention

        size = qkv.shape[1] // 3
        width = size // self._heads
        padded = padding.spread(qkv).view(padding.n, padding.length, 3, self._heads, width)
        query, key, value = (part.transpose(1, 2) for part in padded.unbind(2))
        if self._dtype is torch.float32:
            found = scaled_dot_product_attention(query, key, value, attn_mask=padding.mask)
            return padding.gather(found.transpose(1, 2).reshape(-1, size))
        # In bfloat16, torch's fused kernel takes three times as long as these products.
        flat = (padding.n * self._heads, padding.length, width)
        query, key, value = (part.reshape(flat) for part in (query, key, value))
        found = _attended(query, key, value, padding.bias(self._heads))
        found = found.view(padding.n, self._heads, padding.length, width)
        return padding.gather(found.transpose(1, 2).reshape(-1, size))

    def _plain(self, weight: Tensor) -> Tensor:
        return weight.detach().to(self._dtype, copy=True)  # a view would keep the whole file in memory

    def _norm(self, module: Any) -> _Norm:
        return _Norm(self._plain(module.weight), self._plain(module.bias), module.eps)

    def _linear(self, *modules: Any) -> _Linear:
        import torch

        weight = self._plain(torch.cat([module.weight for module in modules]))
        bias = self._plain(torch.cat([module.bias for module in modules]))
        return _Linear(torch.ops.mkldnn._reorder_linear_weight(weight, self._rows), bias)

    def _layer(self, layer: Any) -> _Layer:
        heads, output = layer.attention.self, layer.attention.output
        return _Layer(
            qkv=self._linear(heads.query, heads.key, heads.value),
            out=self._linear(output.dense),
            norm=self._norm(output.LayerNorm),
            up=self._linear(layer.intermediate.dense),
            down=self._linear(layer.output.dense),
            last_norm=self._norm(layer.output.LayerNorm),
        )


def _attended(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """softmax(query @ key.T / sqrt(d) + bias) @ value, of (b, n, d) each and a bias of (b, n, n).

    torch's softmax takes twice as long in bfloat16 as its parts do. It subtracts the greatest score of a row, which
    changes nothing unless the row's total would run over or vanish without: then it is called.
    """
    import torch

    def scores() -> Tensor:
        return torch.baddbmm(bias, query, key.transpose(1, 2), alpha=query.shape[2] ** -0.5)

    weights = scores().exp_()
    totals = weights.sum(-1, keepdim=True)
    least, most = (float(total) for total in totals.aminmax())
    if least > 1 / _FAR and most < _FAR:
        return torch.bmm(weights, value).div_(totals)
    return torch.bmm(scores().softmax(-1), value)


@dataclass(frozen=True)
class _Padding:
    """Between tokens one after another (total, d) and tokens by text (n * length, d), the rest of a text masked."""

    n: int
    length: int
    slots: Tensor | None  # of every padded place, the token that fills it; None where both layouts are one
    tokens: Tensor | None  # of every token, its padded place
    mask: Tensor  # (n, 1, 1, length), minus infinity on padding

    @classmethod
    def of(cls, lengths: Tensor, rows: Tensor, places: Tensor, dtype: Any) -> _Padding:
        """The padding of texts with these `lengths`; `rows` and `places` say where each token stands."""
        import torch

        n, length = len(lengths), -(-int(lengths.max()) // _ALIGN) * _ALIGN
        mask = torch.zeros(n, 1, 1, length, dtype=dtype)
        if len(rows) == len(places) == n * length:
            return cls(n, length, None, None, mask)
        tokens = torch.zeros_like(places)  # what fills up the batch takes any place; nothing reads it
        tokens[: len(rows)] = rows * length + places[: len(rows)]
        slots = torch.zeros(n * length, dtype=torch.long)
        slots[tokens[: len(rows)]] = torch.arange(len(rows))
        mask.masked_fill_(torch.arange(length) >= lengths[:, None, None, None], float("-inf"))
        return cls(n, length, slots, tokens, mask)

    def bias(self, heads: int) -> Tensor:
        """(n * heads, length, length): the mask as it is added to scores."""
        by_head = self.mask.expand(self.n, heads, 1, self.length).reshape(-1, 1, self.length)
        return by_head.expand(-1, self.length, -1)

    def spread(self, x: Tensor) -> Tensor:
        """(total, d) to (n * length, d)."""
        return x if self.slots is None else x.index_select(0, self.slots)

    def gather(self, x: Tensor) -> Tensor:
        """(n * length, d) to (total, d)."""
        return x if self.tokens is None else x.index_select(0, self.tokens)


def fits(config: Any, dtype: str) -> bool:
    """True when `config` is a plain BERT's and this torch has oneDNN."""
    import torch

    onednn: Any = torch.backends.mkldnn
    return (
        config.model_type == "bert"
        and dtype in PACKED_DTYPES
        and config.hidden_act == "gelu"
        and getattr(config, "position_embedding_type", "absolute") == "absolute"
        and not config.is_decoder
        and not config.add_cross_attention
        and onednn.is_available()
    )


T = TypeVar("T")

# More might wait for the interpreter's lock. A guess: it was measured on two cores only.
_MOST = 8


class WorkerPool:
    """Threads that share the cores torch may use, so that a product in one of them has its share of threads."""

    def __init__(self) -> None:
        import torch

        cores = torch.get_num_threads()
        self.n = min(cores, _MOST)
        started = Barrier(self.n)

        def begin() -> None:
            torch.get_num_threads()  # the first question in a thread sets its number, and would undo the next line
            torch.set_num_threads(cores // self.n)
            started.wait()

        self._pool = ThreadPoolExecutor(self.n, "encoding", begin)
        for ready in [self._pool.submit(started.wait) for _ in range(self.n)]:
            ready.result()
        torch.set_num_threads(cores)  # threads to come start with what was set last, in whichever thread

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Do it in the next free worker."""
        return self._pool.submit(work)
