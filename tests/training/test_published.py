"""The tables of docs/published.md: each row against the preset that it names, and against what was published."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bioreview_bench.baselines.local.hf_reviewer import HfSettings
from bioreview_bench.baselines.local.vllm_reviewer import DEFAULTS
from bioreview_bench.training.config.files import parse_yaml, presets
from bioreview_bench.training.config.load import load, stated
from bioreview_bench.training.corpora.make import CorpusSettings
from bioreview_bench.training.corpora.recipes import Recipe

pytest.importorskip("trl", reason="pip install 'bioreview-bench[training]'")

PAGE = Path(__file__).parents[2] / "docs/published.md"
Row = tuple[str, str, str, str, str]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows() -> list[Row]:
    """Rows of the tables whose first column is a preset."""
    found: list[list[str]] = []
    inside = False
    for line in PAGE.read_text("utf-8").splitlines():
        if not line.startswith("|"):
            inside = False
        elif line.startswith("| preset |"):
            inside = True
        elif inside and not line.startswith("|---"):
            found.append(cells(line))
    assert {len(row) for row in found} == {5}
    return [tuple(row) for row in found]  # type: ignore[misc]


ROWS = rows()
NAMED = {(name, row[1].strip("`")) for row in ROWS for name in re.findall(r"`([^`]+)`", row[0])}
REVIEWERS = [name for name in presets() if stated(name)["method"] == "sft" and not name.startswith("kmp")]
GROUPS = {"reviewers": REVIEWERS, "grpo": ["grpo_mve", "grpo_full", "grpo_full_v2", "grpo_phase4"]}


@cache
def config_of(name: str) -> Any:
    return load(stated(name)["method"], name)


def values(cell: str) -> Any:
    return parse_yaml(f"value: {cell}".encode(), "a cell")["value"]


def steps(config: Any, n: int) -> str:
    from bioreview_bench.training.grpo.train import Grpo
    from bioreview_bench.training.sft.train import Sft

    return str((Sft() if config.method == "sft" else Grpo()).steps(config, n).total)


def keeping(config: Any) -> str:
    t = config.trl
    every = "each epoch" if t["save_strategy"] == "epoch" else f"{t['save_steps']} steps"
    return f"{every}, keep {t['save_total_limit']}"


def both_engines(name: str, at_vllm: str) -> Callable[[Any], str]:
    def default(_: Any) -> str:
        assert getattr(HfSettings(), name) == DEFAULTS[at_vllm]
        return str(DEFAULTS[at_vllm])

    return default


# What is no key of a config, and how it is found.
OTHERS: dict[str, Callable[[Any], str]] = {
    "batch": lambda c: f"{c.trl['per_device_train_batch_size']} x {c.trl['gradient_accumulation_steps']}",
    "keeping": keeping,
    "sampled at once": lambda c: str(c.sampled_at_once),
    "steps": lambda c: steps(c, 4734),
    "steps of 577 questions": lambda c: steps(c, 577),
    "corpus.counter": lambda _: str(Recipe.load("A").counter),
    "corpus.budget": lambda _: str(CorpusSettings(recipe="A").budget),
    "corpus.confidence": lambda _: Recipe.load("A").target_confidence,
    "corpus.prompt": lambda _: Recipe.load("A").prompt,
    "generate.temperature": both_engines("temperature", "temperature"),
    "generate.max_new_tokens": both_engines("max_new_tokens", "max_tokens"),
    "generate.repetition_penalty": both_engines("repetition_penalty", "repetition_penalty"),
    "adapter weights": lambda c: c.adapter_dtype,
    "adapter.bias": lambda _: "none",  # lora_config states it for every adapter; see the test of adapters
}
# Said of the whole package, and tested where it is done.
SAID = {"truncation", "corpus", "corpus.cut", "prompt length", "padding"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}".replace("`", ""))
def test_a_row_is_what_the_preset_says_and_a_departure_has_a_reason(row: Row) -> None:
    named, key, published, here, why = row
    key = key.strip("`")
    assert (published == here) == (why == ""), "equal values need no reason, and others one"
    every = GROUPS.get(named) or re.findall(r"`([^`]+)`", named)
    assert set(every) <= set(presets())
    for name in every:
        if named in GROUPS and (name, key) in NAMED:
            continue  # a row of its own says otherwise
        config = config_of(name)
        if key in OTHERS:
            assert OTHERS[key](config) == here
        elif key not in SAID:
            found: Any = config.model_dump()
            for part in key.split("."):
                found = found[part]
            assert found == values(here), name


def published_tables(shared: Path) -> dict[str, list[list[str]]]:
    """Tables of the shared page by the first cell of their head; cells as they stand."""
    tables: dict[str, list[list[str]]] = {}
    table: list[list[str]] | None = None
    for line in (shared / "published.md").read_text("utf-8").splitlines():
        if not line.startswith("|"):
            table = None
        elif table is None:
            table = tables.setdefault(cells(line)[0] or cells(line)[1], [cells(line)])
        else:
            table.append(cells(line))
    return tables


def stated_here(name: str, key: str) -> str:
    [found] = [row[2] for row in ROWS if f"`{name}`" in row[0] and row[1] == f"`{key}`"]
    return found


NAMES = {"qwen3.5_9b_all_nonfig": "qwen3.5_9b", "qwen3.5_9b_all_nonfig_fast": "qwen3.5_9b_fast",
         "qwen3.5_9b_hi_conf": "qwen3.5_9b_hi_conf", "qwen3_8b_all_nonfig": "qwen3_8b",
         "gemma2_9b_8k_left": "gemma2_9b", "gemma4_31b_all_nonfig": "gemma4_31b"}  # fmt: skip


def test_the_published_column_of_reviewers_is_what_was_published(shared: Path) -> None:
    table = published_tables(shared)["config"][2:]
    seen = 0
    for config, base, length, dropout, batch, kept, *_ in table:
        if config.startswith("sweep"):
            assert "learning rates 1e-4, 3e-4; 5 epochs" in _[0]
            continue
        for name in [NAMES.get(one, one) for one in config.split(", ")]:
            assert stated_here(name, "trl.max_length") == length.replace(",", "")
            assert float(stated_here(name, "adapter.dropout")) == float(dropout)
            assert stated_here(name, "batch") == batch
            assert stated_here(name, "keeping") == kept
            model = stated_here(name, "model.name").rpartition("/")[2]
            assert base.startswith("same") or model in base
            seen += 1
    assert seen == 9


def test_the_published_column_of_grpo_is_what_was_published(shared: Path) -> None:
    head, _, *lines = published_tables(shared)["mve"]
    table = {line[0]: dict(zip(head[1:], line[1:], strict=True)) for line in lines}
    full: dict[str, dict[str, str]] = {}
    for name, column in (("grpo_mve", "mve"), ("grpo_full", "full"), ("grpo_full_v2", "full_v2"),
                         ("grpo_phase4", "phase 4 (card)")):  # fmt: skip
        said = {label: line[column] for label, line in table.items()}
        full[name] = said
        before = full.get("grpo_full", {})
        for label, key in (("G", "trl.num_generations"), ("beta", "trl.beta"), ("num_iterations", "trl.num_iterations"),
                           ("epochs", "trl.num_train_epochs"), ("learning rate", "trl.learning_rate"),
                           ("save every", "trl.save_steps")):  # fmt: skip
            assert float(stated_here(name, key)) == float(said[label].split()[0])
        assert stated_here(name, "batch") == said["batch x accumulation"]
        completion, prompt = said["completion / prompt length"].replace(",", "").split(" / ")
        assert (stated_here(name, "trl.max_completion_length"), stated_here(name, "data.max_prompt")) == (
            completion, prompt,
        )  # fmt: skip
        for label, key in (("weights V1 V2 V3 V4", "reward.weights"), ("held out", "data.hold_out")):
            if said[label] == "same":
                said[label] = before[label]
            if key == "data.hold_out":
                assert stated_here(name, key) == f"[{said[label]}]"
                continue
            numbers = re.findall(r"(?<!\w)(\.\d+|-)", said[label])
            verifiers = ("facts", "pathway_direction", "consistency", "uncertainty")
            wanted = {v: float(n) for v, n in zip(verifiers, numbers, strict=True) if n != "-"}
            assert values(stated_here(name, key)) == wanted


def test_the_figures_of_the_lessons_are_those_of_the_published_files(shared: Path) -> None:
    text = PAGE.read_text("utf-8").partition("## Lessons")[2]
    kmp = shared / "data" / "kmp"
    for name, found in (("mve", ("ECE .078 on 25",)), ("phase4", (".285 on 107", "ECE .285 and .453"))):
        [path] = kmp.glob(f"grpo_{name}_eval_*.json")
        stated = json.loads(path.read_text())["calibration"]
        assert f"{stated['ece']:.3f}".removeprefix("0") in found[0]
        assert str(stated["n_samples"]) in found[0]
        assert f"{stated['overconfidence_rate']:.3f}".removeprefix("0") in found[-1] or name == "mve"
        assert all(words in text for words in found)
    pairs = json.loads((kmp / "kmp_dpo_preferences.json").read_text())
    assert not any("confidence:" in row["chosen"].lower() for row in pairs)
    assert f"0 of {len(pairs)} chosen texts" in text
    results = json.loads((shared / "data" / "published" / "training.json").read_text())["systems"]
    for system in results:
        assert f"{system['f1']:.3f}".removeprefix("0") in text
        assert f"{system['recall']:.3f}".removeprefix("0") in text
    raw = results[1]["raw"]["f1"]
    assert f"F1 {raw:.3f} raw".replace("0.", ".") in text
    assert f"(+{results[1]['f1'] - raw:.3f})".replace("0.", ".") in text


def test_every_preset_that_follows_something_published_is_in_the_tables() -> None:
    named = {name for name, _ in NAMED}
    ours = {"dpo_review", "grpo_review", "kmp_qwen2.5_7b", "kmp_phi2"}
    assert named | ours == set(presets())
