"""The life of a submission: its states, and which may follow which."""

from __future__ import annotations

from typing import Final, Literal

State = Literal["received", "validating", "queued", "scoring", "scored", "rejected", "failed", "withdrawn"]

FOLLOWS: Final[dict[State, tuple[State, ...]]] = {
    "received": ("validating", "withdrawn"),
    "validating": ("queued", "rejected", "received", "withdrawn"),
    "queued": ("scoring", "withdrawn"),
    "scoring": ("scored", "failed", "queued", "withdrawn"),
    "scored": ("queued", "withdrawn"),
    "failed": ("queued", "withdrawn"),
    "rejected": (),
    "withdrawn": (),
}

# What each state means to the one who submitted.
MEANING: Final[dict[State, str]] = {
    "received": "The file is stored.",
    "validating": "The file and the card are being checked.",
    "queued": "Everything is in order; it waits for the worker.",
    "scoring": "The worker scores it.",
    "scored": "It stands on the board.",
    "rejected": "File or card have problems; they are listed. Mend them and submit again.",
    "failed": "Scoring failed for a reason that is not the submission's; the maintainers can have it scored again.",
    "withdrawn": "It was taken back by its team.",
}

WAITING: Final[tuple[State, ...]] = ("received", "validating", "queued", "scoring")
