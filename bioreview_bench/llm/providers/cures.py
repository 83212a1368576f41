"""What to type when a service refuses, where its answer is of a known kind.

Messages of services differ in wording; what is looked for in them are the words that all of a kind share.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bioreview_bench.errors import printable

# Read by clients of OpenAI, and not by this package: an address decides what answers, so it is said, not inherited.
_ADDRESS_VARIABLE = "OPENAI_BASE_URL"
_SCHEMA = re.compile(
    r"response[_ ]?format|json[_ ]?schema|response_?(?:json_?)?schema|response_?mime_?type|structured[_ ]output"
    r"|guided[_ ](?:json|decoding)|grammar",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model_not_found|(?:unknown|invalid|no such) model|models?\b.{0,80}?(?:not (?:be )?found|not exist|unknown)",
    re.IGNORECASE | re.DOTALL,
)
_TOO_LONG = re.compile(
    r"context[ _-]?(?:length|size|window|limit)|exceed[a-z_]*[ _-]context|maximum context|max_model_len|max_seq_len"
    r"|(?:input|prompt|request|messages?|content|conversation|text|sequence|document)s?\b.{0,60}?"
    r"\b(?:too (?:long|large|big)|longer than|does not fit|exceeds?\b)"
    r"|\binputs?\b.{0,40}?\bmust (?:be|have) (?:<|less|at most|fewer|under|below)"
    r"|too (?:long|many (?:input |prompt )?tokens)|token (?:count|limit)|tokens?\b.{0,40}?\bexceeds?\b"
    r"|exceeds?\b.{0,60}?\b(?:tokens?|positions|sequence length|input length)"
    r"|reduce (?:the |your )?(?:length|size|input|prompt|message)|string_above_max_length|prompt_too_long",
    re.IGNORECASE | re.DOTALL,
)
_OF_INPUT = re.compile(r"context|prompt|input", re.IGNORECASE)
_OF_OUTPUT = re.compile(r"\bmax_(?:completion_|output_|new_)?tokens\b", re.IGNORECASE)
NO_CREDIT = "add credit to the account, or name the variable of another key with --key-variable NAME"
_SHOWN = 3  # models that a message names


@dataclass(frozen=True)
class ServiceCall:
    """Who asked: `structured` for answers held to a JSON schema, `options` where the command has those of a reviewer.

    A judge has neither --no-structured nor --param nor --budget. `other_address` is False at the provider's own one.
    """

    model: str
    address: str
    key_variable: str | None
    structured: bool
    options: bool
    other_address: bool
    parameters: frozenset[str] = frozenset()


def cure(
    call: ServiceCall, status: int, message: str, parameter: str | None = None, served: Sequence[str] = ()
) -> str | None:
    """What helps against an answer with this status and message; None where nothing is known to.

    `parameter` is the one that the service names, `served` the models that it says it has.
    """
    if call.structured and status != 401 and _SCHEMA.search(f"{message} {parameter or ''}"):
        return _without_schema(call)
    if status in (401, 403):
        return _key(call)
    if status == 402:
        return NO_CREDIT
    if call.options and parameter in call.parameters:
        instead = " --param max_completion_tokens=N" if parameter == "max_tokens" else ""
        return f"leave that parameter out: --param {parameter}=null{instead}"
    if names_no_model(status, message):
        return _other_model(call, served)
    if status in (404, 405, 410):
        return address(call)
    if call.options and too_long(status, message):
        return "send less of each paper: --budget N"
    if call.options and status in (400, 422) and call.structured:
        return f"if it takes no JSON schema, {_without_schema(call)}"
    return None


def too_long(status: int, message: str) -> bool:
    """True when the service says that this request is longer than it takes, which is one article's affair.

    `message` may be followed by the codes that came with it. A limit on output that is too high is everybody's.
    """
    if status == 413:
        return True
    of_output = _OF_OUTPUT.search(message) is not None and _OF_INPUT.search(message) is None
    return _TOO_LONG.search(message) is not None and not of_output


def names_no_model(status: int, message: str) -> bool:
    """True when the service says that it has no such model."""
    if status == 404:
        return "model" in message.lower()
    return status in (400, 422) and _NO_MODEL.search(message) is not None


def address(call: ServiceCall) -> str:
    """What helps when nothing, or something else, answers at an address."""
    variable = os.environ.get(_ADDRESS_VARIABLE)
    if variable and not call.other_address:
        return f"add --base-url {printable(variable)}: {_ADDRESS_VARIABLE} is set, but only the option is read"
    if call.other_address:
        return "check that the server runs, and its address: --base-url URL (most end in /v1)"
    return "check the network, or name another server with --base-url URL"


def _without_schema(call: ServiceCall) -> str:
    if call.options:
        return "add --no-structured: answers are then not held to a JSON schema"
    return "name another model, or a server (--base-url URL), that restricts answers to a JSON schema"


def _key(call: ServiceCall) -> str:
    if os.environ.get(_ADDRESS_VARIABLE) and not call.other_address:
        return address(call)
    if call.key_variable is None:
        return "name the variable that holds the key for this server: --key-variable NAME"
    return (
        f"put a key that is valid for {call.address} into {call.key_variable}, or name another variable with "
        "--key-variable NAME"
    )


def _other_model(call: ServiceCall, served: Sequence[str]) -> str:
    near = difflib.get_close_matches(call.model, served, _SHOWN, cutoff=0.4)
    if near:
        return f"did you mean {' or '.join(printable(name) for name in near)}?"
    if served:
        more = f" and {len(served) - _SHOWN:,} more" if len(served) > _SHOWN else ""
        return f"name a model that it has: {', '.join(printable(name) for name in served[:_SHOWN])}{more}"
    return address(call) if call.other_address else "check the name of the model"
