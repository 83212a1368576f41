"""What reviewers over an API share, whatever the provider: key, address, parameters, and how failures are classified.

API keys are read from the environment by name, and shown nowhere.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, ClassVar
from urllib.parse import quote

from bioreview_bench.data.manuscript import Manuscript
from bioreview_bench.errors import AbsentError, EncoderError, InputError, Needs, printable
from bioreview_bench.files.install import install_command
from bioreview_bench.llm.calls.asking import Asks, FilledPrompt
from bioreview_bench.llm.calls.prices import Price, with_cost
from bioreview_bench.llm.providers.cures import ServiceCall, address
from bioreview_bench.llm.providers.failures import checked_url, count, shown_url
from bioreview_bench.llm.review import Review, TryAgain, Usage

OWN_KEY = "the provider's own"  # no environment variable has such a name
# What keys of known providers look like; services repeat them, whole or masked, in their messages.
_KEY_SHAPES = re.compile(r"\b(?:(?:sk|pk|rk|gsk|hf)[-_]|AIza|Bearer )[A-Za-z0-9*._-]{8,}")
_HIDDEN = "[key]"


class Key:
    """The value of the environment variable `name`; `repr` and pickles never hold the value."""

    __slots__ = ("_value", "name")

    def __init__(self, name: str | None) -> None:
        """None for servers that need no key. Raises InputError when the variable is absent or holds no key."""
        self.name = name
        value = "none" if name is None else os.environ.get(name, "").strip()
        if not value:
            raise AbsentError(f"The environment variable {name} is not set.", remedy=f"export {name}=YOUR_KEY")
        # A client would quote a value that no header may hold in its error.
        if not value.isascii() or not value.isprintable() or " " in value:
            raise InputError(f"The environment variable {name} does not hold a key.", remedy=f"export {name}=YOUR_KEY")
        self._value = value

    def reveal(self) -> str:
        """The value, for the client and nothing else."""
        return self._value

    def scrub(self, text: object, limit: int = 400) -> str:
        """`text` for a message or a file: without the key, on one line, cut."""
        plain = str(text)
        if self.name is not None:
            for form in {self._value, quote(self._value, safe="")}:
                plain = plain.replace(form, _HIDDEN)
        return printable(_KEY_SHAPES.sub(_HIDDEN, " ".join(plain.split())), limit)

    def __repr__(self) -> str:
        return f"Key({self.name!r})"

    def __reduce__(self) -> tuple[type[Key], tuple[str | None]]:
        return Key, (self.name,)


class ApiReviewer(ABC):
    """Reviews with one model of one provider.

    `parameters` (temperature, top_p, seed, ...) are sent as they are. `key_env` names the environment variable that
    holds the key, None for servers that need none.
    """

    own_provider: ClassVar[str]
    own_address: ClassVar[str]
    own_key: ClassVar[str]
    client: ClassVar[str]  # the package that calls the service
    module: ClassVar[str]  # what is imported of it
    reserved: ClassVar[frozenset[str]]  # these would change what is asked, or the form of the answer
    output_limits: ClassVar[tuple[str, ...]]  # parameters that bound an answer's tokens, the first one given counts

    def __init__(
        self,
        model: str,
        asking: Asks,
        *,
        name: str | None = None,
        provider: str | None = None,
        base_url: str | None = None,
        key_env: str | None = OWN_KEY,
        parameters: Mapping[str, Any] | None = None,
        price: Price | None = None,
    ) -> None:
        """Raises InputError for a parameter that the reviewer sets itself, or an address that is none."""
        self.provider = provider or self.own_provider
        self.name = name or f"{self.provider}:{model}"
        self.model, self.asking, self.price = model, asking, price
        self.base_url = checked_url(base_url or self.own_address)
        self.key_env = self.own_key if key_env == OWN_KEY else key_env
        self.parameters = dict(parameters or {})
        reserved = sorted(self.reserved & self.parameters.keys())
        if reserved:
            raise InputError(f"The parameter {reserved[0]} is set by the reviewer.", remedy="leave it out")
        self._key: Key | None = None

    def describe(self) -> dict[str, Any]:
        """What could change the output."""
        return {
            "provider": self.provider,
            "model": self.model,
            "base_url": shown_url(self.base_url),
            "parameters": dict(self.parameters),
            **self.asking.describe(),
        }

    def estimate(self, manuscript: Manuscript) -> Usage:
        """Tokens of the messages by the run's counter, and the output limit among the parameters."""
        return self.most(self.asking.ask(manuscript))

    def most(self, asked: FilledPrompt) -> Usage:
        """The same for messages that are there already."""
        limit = next((self.parameters[key] for key in self.output_limits if key in self.parameters), None)
        return with_cost(asked.n_tokens, count(limit), self.price)

    async def review(self, manuscript: Manuscript) -> Review:
        """Ask once. Raises TryAgain, GiveUp."""
        return await self.answer(self.asking.ask(manuscript))

    @abstractmethod
    async def answer(self, asked: FilledPrompt) -> Review:
        """The same for messages that are there already."""

    @abstractmethod
    def connect(self) -> None:
        """Make the client. Raises EncoderError (exit code 3) without its library, InputError without the key."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""

    def library(self, name: str) -> ModuleType:
        """A module of the provider's client. Raises EncoderError (exit code 3) where it is not installed."""
        try:
            return import_module(name)
        except ImportError as error:
            raise EncoderError(
                f"{self.name} needs the {self.client} client, which is not installed.",
                remedy=install_command("baselines"),
            ) from error

    def gather(self, needs: Needs) -> None:
        """Note what a call would lack, the client's library and the key, without making a client."""
        with needs.gather():
            self.library(self.module)
        with needs.gather():
            Key(self.key_env)

    @property
    def where(self) -> str:
        """Model and address, for messages."""
        return f"{self.model} at {shown_url(self.base_url)}"

    @property
    def service_call(self) -> ServiceCall:
        """Who asks, for advice."""
        return ServiceCall(
            model=self.model,
            address=shown_url(self.base_url),
            key_variable=self.key_env,
            structured=self.asking.schema is not None,
            options=self.asking.adjustable,
            other_address=self.base_url != self.own_address,
            parameters=frozenset(self.parameters),
        )

    def scrub(self, text: object) -> str:
        """`text` from the service for a message: without the key, on one line, cut."""
        assert self._key is not None
        return self._key.scrub(text)

    def disconnected(self, cause: BaseException) -> TryAgain:
        """What a broken connection means; `cause` is an error of the HTTP library."""
        unreachable = type(cause).__name__ in ("ConnectError", "ConnectTimeout")
        reason = self.scrub(str(cause) or type(cause).__name__)
        return TryAgain(
            f"connection to {shown_url(self.base_url)} failed: {reason}",
            unreachable=unreachable,
            cure=address(self.service_call) if unreachable else None,
        )
