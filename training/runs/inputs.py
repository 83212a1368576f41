"""What a run is made from: data with how they ask, the base model's files, and the adapters that it starts from.

Both are checked here against the config and against each other; no weights are loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from bioreview_bench.errors import DataError, InputError, Problem, printable
from bioreview_bench.llm.local.chat import Chat
from bioreview_bench.llm.local.model_files import digest, model_folder

from ..config.schema import RunConfig
from ..corpora.files import CORPUS, TrainingCorpus, read_corpus, require_messages
from ..models.encode_examples import ExampleEncoder
from ..models.families import Family, require_end, require_family, tokenizer_sha256
from ..models.quantised import read_model_config, require_attention


@dataclass(frozen=True)
class Material:
    """Data: `asked` is how they ask, as a training summary says it; `kept` are rows for evaluation.

    `corpus` is there where the rows were cut for one tokenizer.
    """

    folder: Path
    fingerprint: str
    manifest: Mapping[str, Any]
    asked: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    kept: Sequence[Mapping[str, Any]] = ()
    corpus: TrainingCorpus | None = None
    remarks: Sequence[str] = ()

    def facts(self) -> dict[str, Any]:
        """For a training summary: which data."""
        found = {"fingerprint": self.fingerprint, "data": self.manifest.get("data", {"label": "questions"})}
        if self.corpus is not None:
            content = (self.folder / CORPUS).read_bytes()
            found |= {"sha256": sha256(content).hexdigest(), "recipe": self.manifest.get("recipe")}
        return found


@dataclass(frozen=True)
class Model:
    """The base model's files on this machine, and its tokenizer as training uses it."""

    folder: Path
    digest: str
    family: Family
    chat: Chat
    end_id: int


@dataclass(frozen=True)
class Start:
    """Adapters found and checked: `merged` are added to the weights, `continued` is trained on (None: a new one).

    `asked` is how they were trained to be asked; None where none of them says so.
    """

    merged: tuple[str, ...]
    continued: str | None
    facts: tuple[Mapping[str, str], ...]
    asked: Mapping[str, Any] | None

    @property
    def digests(self) -> dict[str, Any]:
        """For a run's identity: which adapters, whatever they are called here."""
        return {"digests": [one["digest"] for one in self.facts]}

    def recorded(self) -> dict[str, Any]:
        """For run.json and the training summary: what the trained adapter belongs on."""
        return {
            "adapters": [dict(one) for one in self.facts],
            "last": "merged" if self.continued is None else "continued",
        }


BARE = Start((), None, (), None)


def corpus_material(part: Any) -> Material:
    """The corpus that `part` of a config names, of which it says the truth. Raises DataError, InputError."""
    corpus = read_corpus(Path(part.folder))
    require_messages(corpus)
    if part.fingerprint is not None and corpus.fingerprint != part.fingerprint:
        raise DataError(
            f"Wrong corpus fingerprint: {corpus.folder} is {corpus.fingerprint}, and the config wants "
            f"{part.fingerprint}.",
            remedy=f"train on the corpus you mean, or --set data.fingerprint={corpus.fingerprint}",
        )
    manifest = corpus.manifest
    problems = [
        Problem(f"data.{name}: {_yaml(stated)} in the config, {_yaml(manifest[name])} in the corpus")
        for name, stated in (("thinking", part.thinking), ("system", part.system))
        if manifest.get(name, stated) != stated  # a corpus whose rows show where the system part is need not say so
    ]
    if problems:
        raise InputError(
            f"The config does not fit the corpus {corpus.folder}.",
            problems=problems,
            remedy="training and generation must ask as the corpus does: change the config, or make another corpus",
        )
    if not corpus.train:
        raise DataError(f"{corpus.folder} has no examples to train on.", remedy="make it from more articles")
    asked = {
        "prompt": {"id": manifest["prompt"]["id"], "sha256": manifest["prompt"]["sha256"]},
        "thinking": part.thinking,
        "system": part.system,
        "budget": manifest["budget"],
        "counter": manifest["counter"],
    }
    return Material(
        folder=corpus.folder,
        fingerprint=corpus.fingerprint,
        manifest=manifest,
        asked=asked,
        rows=corpus.train,
        kept=corpus.val,
        corpus=corpus,
    )


def base_model(config: RunConfig, material: Material) -> Model:
    """The base model of a config, fit for the data. Raises EncoderError, InputError, DataError."""
    folder = model_folder(config.model.name)
    require_attention(read_model_config(folder), config.model.attention)
    thinking = material.asked["thinking"]
    family, chat = require_family(folder, config.model.family, thinking, config.model.chat_template)
    if material.corpus is not None:
        _require_made_for(material.corpus, folder, chat, config.model.name)
    return Model(folder, digest(folder), family, chat, require_end(chat, folder, family))


def encoder_for(config: RunConfig, material: Material, model: Model) -> ExampleEncoder:
    """What makes examples of rows that ask as `material` does."""
    asked = material.asked
    return ExampleEncoder(
        model.chat, model.family, model.end_id, thinking=asked["thinking"], system=asked["system"],
        max_length=config.longest,
    )  # fmt: skip


def template_facts(config: RunConfig, model: Model) -> dict[str, Any]:
    """For a training summary: the template by name (None: the model's own), its sha256, and that of the model's own
    where the config's stands in its place."""
    own, used = model.chat.own_sha256, model.chat.template_sha256
    return {"name": config.model.chat_template, "sha256": used, "instead_of": own if own != used else None}


def _require_made_for(corpus: TrainingCorpus, folder: Path, chat: Chat, name: str) -> None:
    """Raise DataError when the corpus was cut with another tokenizer or template than those of the model `name`."""
    for what, stated, here in (
        ("tokenizer", corpus.manifest.get("counter", {}).get("tokenizer_sha256"), tokenizer_sha256(folder)),
        ("chat template", corpus.manifest.get("chat_template_sha256"), chat.template_sha256),
    ):
        if stated is not None and stated != here:
            raise DataError(
                f"The corpus {corpus.folder} was made for another {what} (sha256 {str(stated)[:12]}) than that of "
                f"{name} ({here[:12]}); its papers are cut otherwise than this model's would be.",
                remedy="bench train corpus --model MODEL with the model to be trained",
            )


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else printable(value)
