"""JSON by orjson: refuses what Python's own parser lets through or falls over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.utils.translation import gettext
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class OrjsonParser(JSONParser):
    """UTF-8 JSON. Raises ``ParseError`` also for lone surrogates, NaN and nesting beyond 1024 levels.

    A JSONParser, because REST framework then reads the body through Django's limit of its size.
    """

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,  # noqa: ARG002
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:
        try:
            return orjson.loads(stream.read())
        except orjson.JSONDecodeError as error:
            raise ParseError(gettext("This is not JSON: {problem}").format(problem=error)) from error
