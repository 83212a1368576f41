"""A commented `card.yaml` to fill in, begun from `run.json` where there is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from bioreview_bench.errors import printable

_TEMPLATE = """\
# What a reader of the board must know about your system. Nothing here is a score: the board scores for itself.
# Fill in what is empty, then: bench submit {predictions} --card {card} --split {split}

# The name in the table, and the version: what you would cite. At most 200 characters.
system_name: {system_name}
system_version:
# Who made it, and how the board's maintainers reach you (not shown to others).
organisation:
contact:

# The model with its revision where there is one; "none" for a system without a model.
base_model: {base_model}
# Of the base model, such as 8B; may stay empty.
parameters:
# yes, no or undisclosed: can anybody download the weights?
open_weights: undisclosed
# What was done to the model's concerns, such as dedup+cap20; or none.
postprocessing: {postprocessing}

# yes, no or undisclosed. What is undisclosed is never shown as better than what is disclosed. A system trained on v3
# train, or that does not say, cannot enter the v4 test split: all of v4 test stands somewhere in v3.
training_data:
  # What it was trained or prompted with, in your words.
  description: ""
  saw_v3_train: undisclosed
  saw_v4_train: undisclosed
  # eLife, PLOS, F1000Research, PeerJ or Nature Communications articles with their reviews.
  saw_test_journals: undisclosed
  # Last day of the training data, such as 2024-06-30; may stay empty.
  cutoff:

# Of the prompt; may stay empty.
prompt_sha256: {prompt_sha256}
# Of making the predictions; may stay empty.
cost_usd: {cost_usd}
# When they were made.
date: {date}
# Paper or code, https://...; may stay empty.
url:
"""


def draft(run: Mapping[str, Any], *, predictions: str, card: str, split: str, today: date) -> str:
    """The card's text. What `run` does not say stays empty, to be filled in; nothing is guessed."""
    reviewer = _mapping(run.get("reviewer"))
    model = " @ ".join(filter(None, (_text(reviewer.get("model")), _text(reviewer.get("revision")))))
    prompt = _text(_mapping(reviewer.get("prompt")).get("sha256"))
    cost = _mapping(run.get("totals")).get("cost_usd")
    values = {
        "system_name": _scalar(_text(run.get("name"))),
        "base_model": _scalar(model),
        "postprocessing": _scalar(_text(run.get("postprocessing")) or "none"),
        "prompt_sha256": _scalar(prompt),
        "cost_usd": repr(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else "",
        "date": (_day(run.get("ended")) or today).isoformat(),
    }
    text = _TEMPLATE.format(predictions=printable(predictions), card=printable(card), split=printable(split), **values)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _scalar(text: str) -> str:
    """A YAML scalar: quoted unless empty; control characters are shown, not passed on."""
    return json.dumps(printable(text, 200), ensure_ascii=False) if text else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _day(value: object) -> date | None:
    try:
        return datetime.fromisoformat(_text(value)).astimezone(UTC).date()
    except ValueError:
        return None
