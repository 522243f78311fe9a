"""How the API describes itself: one error envelope for every operation, and the session cookie as its key."""

from __future__ import annotations

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

ERROR_TYPES = [(name, name) for name in ("validation_error", "client_error", "server_error")]


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="For programs: stable.")
    detail = serializers.CharField(help_text="For people.")
    attr = serializers.CharField(allow_null=True, help_text="The field it is about, if one is.")


class ErrorEnvelopeSerializer(serializers.Serializer[Any]):
    """What every refused request is answered."""

    type = serializers.ChoiceField(choices=ERROR_TYPES)
    errors = ErrorSerializer(many=True)  # type: ignore[assignment]  # a field of the answer, not of the form


class EnvelopeAutoSchema(AutoSchema):
    """Adds the envelope to the answers of every operation."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        envelope = self._get_response_for_code(ErrorEnvelopeSerializer, "4XX", direction=direction)  # type: ignore[no-untyped-call]  # the package types its public calls only
        bodies["4XX"] = envelope
        return bodies


class CsrfSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]  # as above
    """Found by drf-spectacular through its class: the session cookie, with X-CSRFToken on what writes."""

    target_class = "academy.http.authentication.CsrfSessionAuthentication"
