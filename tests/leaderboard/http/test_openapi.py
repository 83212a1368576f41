"""schemathesis against the description of the API: whatever is asked, no answer is a 5xx, and all are as described."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")
schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

Make = Callable[..., Any]
_FEW = hypothesis.settings(
    max_examples=15,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=[hypothesis.Phase.generate],
)


def test_no_request_makes_the_server_fail_or_say_what_is_not_described(
    board: Any, url: str, caller: Make, add_submitter: Make, make_package: Make
) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    ann = add_submitter(board, "ann")
    known = {"submission": ann.submit(make_package()), "split": "test", "contract": "jaccard"}
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    seen: dict[str, set[int]] = {}

    def ask(case: Any, existing: bool, token: bool) -> None:
        if existing:  # a random id is of no submission
            case.path_parameters.update({key: known[key] for key in case.path_parameters if key in known})
        response = case.call(headers={"Authorization": f"Bearer {ann.token}"} if token else {})
        case.validate_response(response, checks=checks)
        seen.setdefault(f"{case.method.upper()} {case.path}", set()).add(response.status_code)

    for found in schema.get_all_operations():
        yes_or_no = hypothesis.strategies.booleans()
        given = hypothesis.given(case=found.ok().as_strategy(), existing=yes_or_no, token=yes_or_no)
        _FEW(given(ask))()
    assert len(seen) == 12
    assert seen["GET /api/v1/submissions/{submission}"] >= {200, 401, 404}
    assert seen["POST /api/v1/submissions"] >= {401, 422}
    assert seen["GET /healthz"] == {200}
    assert caller(url, ann.token).get("/api/v1/submissions").status_code == 200
