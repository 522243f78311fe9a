"""The client of the carrier, over HTTP on loopback: what it sends, how it signs, what it takes for a failure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from academy.sms.port import SmsFailed
from academy.sms.solapi import Solapi
from tests.carrier import API_KEY, API_SECRET, SENDER, Carrier, RunningCarrier

PHONE = "+821012345678"


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    running = RunningCarrier()
    yield running.carrier
    running.close()


@pytest.fixture
def solapi(carrier: Carrier) -> Iterator[Solapi]:
    client = Solapi(api_key=API_KEY, api_secret=API_SECRET, sender=SENDER, url=f"{carrier.url}/")
    yield client
    client.close()


def test_a_text_arrives_as_it_was_written(carrier: Carrier, solapi: Solapi) -> None:
    solapi.send(PHONE, "[하나수학] 인증번호 012345")
    [text] = carrier.texts
    assert (text.to, text.sender, text.body) == ("01012345678", SENDER, "[하나수학] 인증번호 012345")


def test_another_country_is_named_apart(carrier: Carrier, solapi: Solapi) -> None:
    solapi.send("+12025550123", "hello")
    assert carrier.texts[0].to == "1" + "2025550123"


def test_no_signature_is_used_twice(carrier: Carrier, solapi: Solapi) -> None:
    solapi.send(PHONE, "one")
    solapi.send(PHONE, "one")
    assert len({text.authorization for text in carrier.texts}) == 2
    assert not any(API_SECRET in text.authorization for text in carrier.texts)


def test_a_wrong_secret_fails(carrier: Carrier) -> None:
    client = Solapi(api_key=API_KEY, api_secret="another-secret", sender=SENDER, url=carrier.url)
    with pytest.raises(SmsFailed, match="403 SignatureDoesNotMatch"):
        client.send(PHONE, "hello")
    client.close()


def test_an_empty_account_fails(carrier: Carrier, solapi: Solapi) -> None:
    carrier.status = 402
    with pytest.raises(SmsFailed, match="402 NotEnoughBalance"):
        solapi.send(PHONE, "hello")


def test_a_text_that_was_not_accepted_fails_though_the_answer_is_200(carrier: Carrier, solapi: Solapi) -> None:
    carrier.status_code = "3059"
    with pytest.raises(SmsFailed, match="3059"):
        solapi.send(PHONE, "hello")


def test_a_carrier_that_is_not_there_fails_without_telling_the_phone() -> None:
    client = Solapi(api_key=API_KEY, api_secret=API_SECRET, sender=SENDER, url="http://127.0.0.1:1")
    with pytest.raises(SmsFailed) as failed:
        client.send(PHONE, "hello")
    assert "1012345678" not in str(failed.value)
    client.close()
