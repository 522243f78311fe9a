"""SQS as the dispatcher meets it: the real protocol, watched, and broken on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import EndpointConnectionError

from academy.jobs.queues import Tier, queue_url, sqs_client


class WatchedSqs:
    """The client that the dispatcher sends with. ``sent`` are (job id, group) in the order SQS took them."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, str]] = []
        self.batches: list[int] = []
        self.is_down = False
        self.refused: set[int] = set()
        self.after_send: Callable[[], None] | None = None
        self.has_sent = threading.Event()

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803  boto3's names
        if self.is_down:
            raise EndpointConnectionError(endpoint_url=QueueUrl)
        taken = [entry for entry in Entries if int(entry["Id"]) not in self.refused]
        failed = [
            {"Id": entry["Id"], "SenderFault": False, "Code": "InternalError", "Message": "refused"}
            for entry in Entries
            if int(entry["Id"]) in self.refused
        ]
        answer: dict[str, Any] = {"Successful": []}
        if taken:
            answer = dict(sqs_client().send_message_batch(QueueUrl=QueueUrl, Entries=taken))  # type: ignore[arg-type]
        self.batches.append(len(Entries))
        self.sent += [(int(entry["Id"]), entry["MessageGroupId"]) for entry in taken]
        if self.after_send is not None:
            self.after_send()
        self.has_sent.set()
        return {**answer, "Failed": failed}


def received(tier: Tier = Tier.BASIC) -> list[dict[str, Any]]:
    """Take every message out of a queue; each with ``body`` parsed and its ``MessageGroupId``."""
    found: list[dict[str, Any]] = []
    while True:
        answer = sqs_client().receive_message(
            QueueUrl=queue_url(tier), MaxNumberOfMessages=10, WaitTimeSeconds=0, AttributeNames=["All"]
        )
        messages = answer.get("Messages", [])
        if not messages:
            return found
        for message in messages:
            found.append({**message, "body": json.loads(message["Body"])})
            sqs_client().delete_message(QueueUrl=queue_url(tier), ReceiptHandle=message["ReceiptHandle"])
