"""The config of direct preference optimisation. What each key means stands in `docs/rewards.md`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ..config.files import Part, build, changed, read_values
from ..config.parts import Count, Name, Positive, RunConfig
from ..runs.start import StartPart

LOWEST_BETA = 0.1  # of the published runs; 0.05 destroyed knowledge in them


class PairsPart(Part):
    """Which pairs. `held_out` questions (with all their pairs) are not trained on, and give the accuracy.

    `fingerprint` is the first 12 hex digits that the dry run prints; null takes any.
    """

    folder: Name
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")] | None
    held_out: Count


class LossPart(Part):
    """The loss: `beta` weighs closeness to the reference."""

    type: Literal["sigmoid", "sigmoid_norm", "ipo", "hinge"]
    beta: Positive
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)]


class DpoConfig(RunConfig):
    """Everything that decides what is trained, and how."""

    kind: Literal["dpo"]
    data: PairsPart
    start: StartPart
    dpo: LossPart

    @model_validator(mode="after")
    def _evaluates_by_itself(self) -> Self:
        if self.keeping.eval_examples is not None:
            raise ValueError("keeping.eval_examples must be null: all pairs of data.held_out are evaluated")
        return self

    def warnings(self) -> list[str]:
        """What is allowed and known to end badly."""
        if self.dpo.beta < LOWEST_BETA:
            return [
                f"dpo.beta is {self.dpo.beta:g}: below {LOWEST_BETA:g} a model may drift far from what it knew; in "
                "the published runs 0.05 destroyed knowledge."
            ]
        return []


def load_dpo_config(name_or_path: str, settings: tuple[str, ...] = ()) -> DpoConfig:
    """A shipped config by name or a YAML file, changed by `KEY=VALUE` settings. Raises InputError, EncoderError."""
    values: dict[str, Any] = changed(read_values(name_or_path), settings)
    return build(DpoConfig, values, f"The config {name_or_path}")
