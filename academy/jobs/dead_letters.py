"""Dead letters of jobs that are no more."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from academy.jobs.message import JobMessage, MalformedMessage
from academy.jobs.queues import Tier, dead_letter_name, sqs_client

_BATCH: Final = 10
# How long a letter that was looked at and left is out of sight: long enough to see each once.
_LOOKING_SECONDS: Final = 60
_MAX_LOOKS: Final = 2_000


def discard_dead_letters(*, tenant_id: int, job_ids: Collection[int]) -> int:
    """Delete the dead letters of these jobs. Returns how many. The cost grows with the length of the queues."""
    wanted = set(job_ids)
    return sum(_discard_from(tier, tenant_id, wanted) for tier in Tier) if wanted else 0


def _discard_from(tier: Tier, tenant_id: int, wanted: set[int]) -> int:
    client, discarded = sqs_client(), 0
    url = client.get_queue_url(QueueName=dead_letter_name(tier))["QueueUrl"]
    for _ in range(_MAX_LOOKS):
        received = client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=_BATCH, WaitTimeSeconds=0, VisibilityTimeout=_LOOKING_SECONDS
        ).get("Messages", [])
        if not received:
            break
        found = [letter for letter in received if _is_of(letter["Body"], tenant_id, wanted)]
        if found:
            entries = [{"Id": str(place), "ReceiptHandle": item["ReceiptHandle"]} for place, item in enumerate(found)]
            discarded += len(client.delete_message_batch(QueueUrl=url, Entries=entries).get("Successful", []))  # type: ignore[arg-type]
    return discarded


def _is_of(body: str, tenant_id: int, wanted: set[int]) -> bool:
    try:
        message = JobMessage.from_body(body)
    except MalformedMessage:
        return False
    return message.tenant_id == tenant_id and message.job_id in wanted
