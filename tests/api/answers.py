"""How the tests send JSON and read what comes back."""

from __future__ import annotations

from typing import Any, TypedDict

from django.test import Client

JSON = "application/json"
ERROR_KINDS = {"client_error", "validation_error", "server_error"}


class ErrorJson(TypedDict):
    code: str
    detail: str
    attr: str | None


def post(client: Client, url: str, data: object) -> Any:
    return client.post(url, data, content_type=JSON)


def put(client: Client, url: str, data: object) -> Any:
    return client.put(url, data, content_type=JSON)


def error_of(response: Any, status: int) -> ErrorJson:
    """The first error of an answer that must be the one envelope, with this status and nothing else in it."""
    assert response.status_code == status, (response.status_code, response.content[:500])
    assert response["Content-Type"].startswith(JSON)
    body = response.json()
    assert set(body) == {"type", "errors"}
    assert body["type"] in ERROR_KINDS
    assert (body["type"] == "server_error") == (status >= 500)
    assert body["errors"]
    for error in body["errors"]:
        assert set(error) == {"code", "detail", "attr"}
        assert isinstance(error["code"], str)
        assert isinstance(error["detail"], str)
        assert error["attr"] is None or isinstance(error["attr"], str)
    first: ErrorJson = body["errors"][0]
    return first
