"""API keys: read from the environment by name, shown nowhere."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from bioreview_bench.errors import InputError, printable

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
            raise InputError(f"The environment variable {name} is not set.", remedy=f"export {name}=YOUR_KEY")
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
