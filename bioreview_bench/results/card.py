"""The card of a submission: what a reader of the board must know about a system. It carries no scores."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_Line = Annotated[str, Field(min_length=1, max_length=200)]
_Url = Annotated[str, Field(pattern="^https?://", max_length=500)]
Disclosure = Literal["yes", "no", "undisclosed"]


class TrainingData(BaseModel):
    """What the system was trained on, as far as its makers say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: Annotated[str, Field(max_length=2000)] = ""
    saw_v3_train: Disclosure = "undisclosed"
    saw_v4_train: Disclosure = "undisclosed"
    saw_test_journals: Disclosure = "undisclosed"
    cutoff: date | None = None


class Card(BaseModel):
    """`card.yaml` of a submission."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system_name: _Line
    system_version: _Line
    organisation: _Line
    contact: _Line
    base_model: _Line
    parameters: Annotated[str, Field(max_length=200, description="Number of parameters, such as 8B.")] | None = None
    open_weights: Disclosure = "undisclosed"
    postprocessing: _Line = "none"
    training_data: TrainingData = TrainingData()
    prompt_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    cost_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    date: date
    url: _Url | None = None
    paper_url: _Url | None = None
    code_url: _Url | None = None
    model_url: _Url | None = None
