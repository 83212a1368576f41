"""Everything that is checked and computed before a run begins; nothing is written here, and no weights are loaded.

In order: optional packages, the corpus and its agreement with the config, the model's files, its template, every
example, and the memory that the run needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, EncoderError, InputError, Problem
from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.local.model_files import digest, model_folder

from ..config.packages import require_asked_for
from ..config.parts import RunConfig, SftConfig
from ..corpora.files import Corpus, chosen, read_corpus, require_messages
from ..models.encode_examples import Encoder, Example, encode_all
from ..models.families import Family, require_end, require_family, tokenizer_sha256
from ..models.memory import Estimate, Shape, estimate
from ..models.quantised import read_model_config, require_attention

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Model:
    """The base model's files on this machine, and its tokenizer as training uses it."""

    folder: Path
    digest: str
    family: Family
    chat: Chat
    end_id: int


@dataclass(frozen=True)
class Examples:
    """Proved examples. `val` is the sample that evaluation uses, empty without evaluation."""

    train: Sequence[Example]
    val: Sequence[Example]


def optional_packages(config: RunConfig) -> list[str]:
    """What the config asks for beyond the extra `training`."""
    names = ["flash_attn"] if config.model.attention == "flash_attention_2" else []
    return [*names, *(["liger_kernel"] if config.training.liger else []), *config.keeping.report_to]


def agreed_corpus(config: SftConfig) -> Corpus:
    """The corpus that the config names, of which it says the truth. Raises DataError, InputError."""
    corpus = read_corpus(Path(config.corpus.folder))
    require_messages(corpus)
    wanted = config.corpus.fingerprint
    if wanted is not None and corpus.fingerprint != wanted:
        raise DataError(
            f"Wrong corpus fingerprint: {corpus.folder} is {corpus.fingerprint}, and the config wants {wanted}.",
            remedy=f"train on the corpus you mean, or --set corpus.fingerprint={corpus.fingerprint}",
        )
    problems = []
    for name, stated in (("thinking", config.corpus.thinking), ("system", config.corpus.system)):
        found = corpus.manifest.get(name)  # a corpus whose rows show where the system part is need not say so
        if found is not None and found != stated:
            problems.append(Problem(f"corpus.{name}: {_yaml(stated)} in the config, {_yaml(found)} in the corpus"))
    if problems:
        raise InputError(
            f"The config does not fit the corpus {corpus.folder}.",
            problems=problems,
            remedy="training and generation must ask as the corpus does: change the config, or make another corpus",
        )
    if not corpus.train:
        raise DataError(f"{corpus.folder} has no examples to train on.", remedy="make it from more articles")
    if config.keeping.eval_examples is not None and not corpus.val:
        raise DataError(
            f"{corpus.folder} has no examples to evaluate on.",
            remedy="--set keeping.eval_steps=null --set keeping.eval_examples=null",
        )
    return corpus


def find_model(config: SftConfig, corpus: Corpus) -> Model:
    """The base model, fit for this corpus. Raises EncoderError, InputError, DataError."""
    model = base_model(config, config.corpus.thinking)
    require_made_for(corpus, model, config.model.name)
    return model


def base_model(config: RunConfig, thinking: bool) -> Model:
    """The base model of any config. Raises EncoderError, InputError."""
    folder = model_folder(config.model.name)
    require_attention(read_model_config(folder), config.model.attention)
    family, chat = require_family(folder, config.model.family, thinking, config.model.chat_template)
    return Model(folder, digest(folder), family, chat, require_end(chat, folder, family))


def identity(config: RunConfig, model: Model, **data: Any) -> dict[str, Any]:
    """What must be equal for a run to be resumed; `data` says what is trained on, and from which adapters."""
    return {
        "config": config.model_dump(mode="json"),
        "base_digest": model.digest,
        "chat_template_sha256": model.chat.template_sha256,
        **data,
    }


def template_facts(config: RunConfig, model: Model) -> dict[str, Any]:
    """For a training summary: the template by name (None: the model's own), its sha256, and that of the model's own
    where the config's stands in its place."""
    own = model.chat.own_sha256
    used = model.chat.template_sha256
    return {"name": config.model.chat_template, "sha256": used, "instead_of": own if own != used else None}


def tell_template(config: RunConfig, model: Model, say: Callable[[str], None]) -> None:
    """Say that the config's template stands in the place of the model's own, where it does."""
    instead = template_facts(config, model)["instead_of"]
    if instead is not None:
        say(
            f"Asked by the template {config.model.chat_template} (model.chat_template), not by the model's own "
            f"(sha256 {instead[:12]})."
        )


def require_made_for(corpus: Corpus, model: Model, name: str) -> None:
    """Raise DataError when the corpus was cut with another tokenizer or template than those of the model `name`."""
    counted = corpus.manifest.get("counter", {}).get("tokenizer_sha256")
    written = corpus.manifest.get("chat_template_sha256")
    for what, stated, here in (
        ("tokenizer", counted, tokenizer_sha256(model.folder)),
        ("chat template", written, model.chat.template_sha256),
    ):
        if stated is not None and stated != here:
            raise DataError(
                f"The corpus {corpus.folder} was made for another {what} (sha256 {str(stated)[:12]}) than that of "
                f"{name} ({here[:12]}); its papers are cut otherwise than this model's would be.",
                remedy="bench train corpus --model MODEL with the model to be trained",
            )


def prove_examples(config: SftConfig, corpus: Corpus, model: Model, progress: Progress) -> Examples:
    """All examples of the corpus as tokens, each proved. Raises DataError listing those that fail."""
    encoder = Encoder(
        model.chat,
        model.family,
        model.end_id,
        thinking=config.corpus.thinking,
        system=config.corpus.system,
        max_length=config.training.max_length,
    )
    n_eval = config.keeping.eval_examples
    ids = chosen((row["article_id"] for row in corpus.val), n_eval, config.training.seed) if n_eval else []
    sample = [row for row in corpus.val if row["article_id"] in ids]
    return Examples(
        encode_all(corpus.train, encoder, "train", lambda done, of: progress("examples of train", done, of)),
        encode_all(sample, encoder, "val", lambda done, of: progress("examples of val", done, of)),
    )


def memory_needed(config: RunConfig, folder: Path | None) -> tuple[Shape, Estimate]:
    """The model's shape, counted where its files are and otherwise as stated, and what training it needs."""
    if folder is None:
        shape = Shape.stated(config)
    else:
        shape = Shape.of(read_model_config(folder), config.lora.targets, "counted from the model's config.json")
    return shape, estimate(config, shape)


def model_or_reason(config: SftConfig, corpus: Corpus) -> tuple[Model | None, str]:
    """For a dry run: the model, or why it cannot be looked at. Raises for what is wrong, not for what is absent."""
    try:
        model_folder(config.model.name)
    except EncoderError as error:
        return None, error.message
    return find_model(config, corpus), ""


def require_packages(config: RunConfig) -> None:
    """Raise EncoderError for packages that the config asks for and that are not installed."""
    require_asked_for(optional_packages(config))


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
