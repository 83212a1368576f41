"""What the processes of one run settle among themselves, and that none of them asks the Hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_OFFLINE = "HF_HUB_OFFLINE"


def wait_for_all() -> None:
    """Return when every process of the run is here; at once where there is one. The trainer's arguments are to be made
    first: they connect the processes."""
    from accelerate import PartialState

    PartialState().wait_for_everyone()


@contextmanager
def offline() -> Iterator[None]:
    """Inside, nothing is asked of the Hub: not by PEFT, which looks up the base model at every checkpoint, nor by TRL's
    telemetry, nor by libraries that fetch kernels. What they need is on this machine, or they say that it is not."""
    from huggingface_hub import constants

    stated, known = os.environ.get(_OFFLINE), constants.HF_HUB_OFFLINE
    os.environ[_OFFLINE], constants.HF_HUB_OFFLINE = "1", True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = known
        if stated is None:
            del os.environ[_OFFLINE]
        else:
            os.environ[_OFFLINE] = stated
