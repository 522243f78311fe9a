"""Solapi, a Korean carrier of text messages.

``POST /messages/v4/send`` with ``Authorization: HMAC-SHA256 apiKey=, date=, salt=, signature=``, the signature being
HMAC-SHA256(secret, date + salt) in hex (developers.solapi.com, "API Key authentication"). An accepted message answers
200 with ``statusCode`` 2000; 200 with another code is a refusal.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from typing import Any, Final

import phonenumbers
import urllib3

from academy.sms.port import SmsFailed

CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 7.0
ACCEPTED: Final = "2000"
KOREA: Final = 82


class Solapi:
    """Sends by Solapi's HTTP interface. Never tries twice by itself: a repeated text costs, and confuses."""

    def __init__(self, *, api_key: str, api_secret: str, sender: str, url: str) -> None:
        self._api_key, self._api_secret, self._sender = api_key, api_secret, sender
        self._url = f"{url.rstrip('/')}/messages/v4/send"
        self._pool = urllib3.PoolManager(
            maxsize=4, timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS), retries=False
        )

    def send(self, to: str, text: str) -> None:
        body = json.dumps({"message": {**_recipient(to), "from": self._sender, "text": text}}).encode()
        headers = {"Authorization": self._authorization(), "Content-Type": "application/json"}
        try:
            response = self._pool.request("POST", self._url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise SmsFailed(f"Solapi cannot be reached: {type(error).__name__}") from error
        answer = _parse(response.data)
        if response.status != 200:
            raise SmsFailed(f"Solapi answered {response.status} {answer.get('errorCode', '')}")
        if answer.get("statusCode") != ACCEPTED:
            raise SmsFailed(f"Solapi refused the text: {answer.get('statusCode', 'no status')}")

    def close(self) -> None:
        self._pool.clear()

    def _authorization(self) -> str:
        date, salt = datetime.now(UTC).isoformat(timespec="milliseconds"), secrets.token_hex(16)
        signature = hmac.new(self._api_secret.encode(), f"{date}{salt}".encode(), hashlib.sha256).hexdigest()
        return f"HMAC-SHA256 apiKey={self._api_key}, date={date}, salt={salt}, signature={signature}"


def _recipient(to: str) -> dict[str, str]:
    """Solapi wants Korean numbers as they are dialled in Korea, and others apart from their country."""
    number = phonenumbers.parse(to)
    national = phonenumbers.national_significant_number(number)
    if number.country_code == KOREA:
        return {"to": f"0{national}"}
    return {"to": national, "country": str(number.country_code)}


def _parse(data: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
