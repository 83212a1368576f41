"""The question-answering study in three calls: questions with ground truth, the score of an answer, the evaluation.

```python
from bioreview_bench.training.qa import study

manifest = study.data("data/kmp", gsea=["fgsea.csv"], hold_out=["eye", "thymus"])
study.score("How many DEGs has HU in soleus?", "6,425 DEGs.\\nConfidence: 90%", {"expected": "6,425"})["reward"]
report = study.evaluate("answers.jsonl", trained_on=["kmp_sft_final.json"])
```

`bench train qa-data` and `bench train evaluate-qa` are the same as commands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..rewards.composer import RewardComposer
from .verifiers import VERIFIERS, QaReward

WEIGHTS: Mapping[str, float] = {"facts": 0.35, "pathway_direction": 0.30, "consistency": 0.15, "uncertainty": 0.20}
Paths = Sequence[str | Path]


def data(
    out: str | Path,
    *,
    sft: Paths = (),
    pairs: str | Path | None = None,
    gsea: Paths = (),
    keep_out: Paths = (),
    hold_out: Sequence[str] = (),
    model: str | None = None,
    chat_template: str | None = None,
    **division: Any,
) -> dict[str, Any]:
    """Write the files of `bench train qa-data` into the folder `out`, and return their manifest.

    `sft`, `pairs`, `gsea` and `keep_out` are files, `hold_out` tissues; `model` counts tokens (else an estimate).
    `division` may have `seed` (42), `drill` (0) and `unstated` (per cent for given answers that state no confidence,
    90; None leaves them out). `duplicates` in what is returned counts rows of each file of `sft` that were left out.
    Raises InputError, DataError, EncoderError, WriteError.
    """
    from bioreview_bench.errors import InputError

    from ..corpora.rows import Lengths, load_chat
    from .items.build import build, write
    from .items.given import questions_in, read_pairs, read_sft
    from .items.gsea import read_findings

    if chat_template is not None and model is None:
        raise InputError("A chat template belongs to a model.", remedy="add --model MODEL")
    read = [read_sft(Path(path)) for path in sft]
    built = build(
        findings=[finding for path in gsea for finding in read_findings(Path(path))],
        sft=[row for rows, _ in read for row in rows],
        pairs=read_pairs(Path(pairs)) if pairs is not None else (),
        keep_out=[question for path in keep_out for question in questions_in(Path(path))],
        held_out=hold_out,
        lengths=None if model is None else Lengths.of_chat(load_chat(model, chat_template), model),
        **{"seed": 42, **division},
    )
    write(built, Path(out))
    return {**built.manifest, "duplicates": [n for _, n in read]}


def score(
    question: str,
    response: str,
    ground_truth: Mapping[str, Any],
    weights: Mapping[str, float] = WEIGHTS,
    *,
    v4_mode: str = "match_v1",
) -> dict[str, float | None]:
    """Reward of a response, and the score of each verifier from 0 to 1 (uncertainty: from -1), None where it does not
    apply.

    `ground_truth` is the `truth` of a question file: `{"expected": "8,484"}`, `{"pathway", "direction"}`,
    `{"behaviour": "abstain"}`. Raises InputError for weights or a mode that there are not.

    >>> score("How many DEGs?", "It has 8,484 DEGs.\\nConfidence: 100%", {"expected": "8,484"})["reward"]
    1.0
    """
    reward = QaReward(RewardComposer(weights), v4_mode)
    applying = [record for record in VERIFIERS.values() if record in reward.weights]
    found = reward.score({"question": question, "truth": ground_truth, "verifiers": applying}, response)
    return {"reward": found.total, **{name: found.components.get(record) for name, record in VERIFIERS.items()}}


def evaluate(
    answers: str | Path | Paths,
    *,
    weights: Mapping[str, float] = WEIGHTS,
    v4_mode: str = "match_v1",
    trained_on: Paths = (),
) -> dict[str, Any]:
    """What `bench train evaluate-qa ANSWERS --format json` prints: accuracy, reward and calibration of each system.

    `answers` are one or several files of stored answers; `trained_on` are training files, whose questions are looked
    for among those that were answered. Raises InputError.
    """
    from .evaluation.report import as_dict
    from .evaluation.scoring import evaluate as scored
    from .evaluation.stored import read_answers

    paths = [answers] if isinstance(answers, str | Path) else answers
    reward = QaReward(RewardComposer(weights), v4_mode)
    found = scored([read_answers(Path(path)) for path in paths], reward, [Path(path) for path in trained_on])
    return as_dict(found)
