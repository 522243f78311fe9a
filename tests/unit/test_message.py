"""What travels through SQS, and what is refused before anything looks at the database."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.jobs.message import MAX_BODY_CHARACTERS, JobMessage, MalformedMessage

IDS = st.integers(min_value=1, max_value=2**63 - 1)


@given(IDS, IDS)
def test_a_message_survives_its_own_body(job_id: int, tenant_id: int) -> None:
    message = JobMessage(job_id=job_id, tenant_id=tenant_id)
    assert JobMessage.from_body(message.to_body()) == message
    assert len(message.to_body()) <= MAX_BODY_CHARACTERS


def test_the_body_holds_ids_and_nothing_else() -> None:
    assert json.loads(JobMessage(job_id=7, tenant_id=3).to_body()) == {"v": 1, "job_id": 7, "tenant_id": 3}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "[]",
        "7",
        '"text"',
        "{}",
        '{"v": 1}',
        '{"v": 2, "job_id": 1, "tenant_id": 1}',
        '{"v": null, "job_id": 1, "tenant_id": 1}',
        '{"job_id": 1, "tenant_id": 1}',
        '{"v": 1, "job_id": "1", "tenant_id": 1}',
        '{"v": 1, "job_id": 1.0, "tenant_id": 1}',
        '{"v": 1, "job_id": true, "tenant_id": 1}',
        '{"v": 1, "job_id": 0, "tenant_id": 1}',
        '{"v": 1, "job_id": 1, "tenant_id": -1}',
        '{"v": 1, "job_id": 9223372036854775808, "tenant_id": 1}',
        '{"v": 1, "job_id": 1, "tenant_id": [1]}',
        '{"v": 1, "job_id": 1, "tenant_id": 1' + "0" * 900 + "}",
        "[" * 1000,
        "x" * (MAX_BODY_CHARACTERS + 1),
        '{"v": 1, "job_id": 1, "tenant_id": 1}' + " " * MAX_BODY_CHARACTERS,
        "\ud800",
        "\x00",
    ],
)
def test_whatever_is_no_message_of_ours_is_malformed(body: str) -> None:
    with pytest.raises(MalformedMessage):
        JobMessage.from_body(body)


@given(st.text(max_size=2000))
def test_no_text_raises_anything_else(body: str) -> None:
    with pytest.raises(MalformedMessage):
        JobMessage.from_body(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["v", "job_id", "tenant_id", "x"]), inner),
    )
)
def test_no_json_raises_anything_else(data: object) -> None:
    try:
        message = JobMessage.from_body(json.dumps(data))
    except MalformedMessage:
        return
    assert message.job_id > 0
    assert message.tenant_id > 0
