"""The four queues and their dead-letter queues."""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from django.conf import settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# Deploys and killed workers raise the receive count too; real failures are counted in the database.
MAX_RECEIVE_COUNT: Final = 8
LONG_POLL_SECONDS: Final = 20
# While SQS hangs, the dispatcher holds the rows that it is sending: whoever cancels one of them waits as long, twice.
ANSWER_SECONDS: Final = 5.0
SOURCE_RETENTION_SECONDS: Final = 4 * 24 * 3600
DEAD_LETTER_RETENTION_SECONDS: Final = 14 * 24 * 3600


class Tier(StrEnum):
    LITE = "lite"
    BASIC = "basic"
    PREMIUM = "premium"
    VIDEO = "video"

    def may_run(self, needed: Tier) -> bool:
        """Whether a worker of this tier runs jobs that need ``needed``: premium runs all that is not video."""
        if Tier.VIDEO in (self, needed):
            return self is needed
        order = [Tier.LITE, Tier.BASIC, Tier.PREMIUM]
        return order.index(self) >= order.index(needed)


_NAMES: Final = {
    Tier.LITE: "ai-jobs-lite",
    Tier.BASIC: "ai-jobs-basic",
    Tier.PREMIUM: "ai-jobs-premium",
    Tier.VIDEO: "video-jobs",
}


def queue_name(tier: Tier) -> str:
    return f"{settings.QUEUE_PREFIX}-{_NAMES[tier]}"


def dead_letter_name(tier: Tier) -> str:
    return f"{queue_name(tier)}-dlq"


@cache
def sqs_client() -> SQSClient:
    """One client per process for calls that answer at once; botocore clients are thread-safe."""
    return _make_client(ANSWER_SECONDS)


@cache
def polling_sqs_client() -> SQSClient:
    """For long polls, which it outlasts. What hangs longer than it must is not for the calls that others wait for."""
    return _make_client(LONG_POLL_SECONDS + ANSWER_SECONDS)


def _make_client(read_seconds: float) -> SQSClient:
    config = Config(
        region_name=settings.AWS_REGION,
        connect_timeout=3,
        read_timeout=read_seconds,
        retries={"mode": "standard", "max_attempts": 2},
        max_pool_connections=32,
    )
    return boto3.client("sqs", config=config)


@cache
def queue_url(tier: Tier) -> str:
    """Raises botocore's ``QueueDoesNotExist`` when ``create_queues`` has not run."""
    return sqs_client().get_queue_url(QueueName=queue_name(tier))["QueueUrl"]


@cache
def dead_letter_url(tier: Tier) -> str:
    """Raises botocore's ``QueueDoesNotExist`` when ``create_queues`` has not run."""
    return sqs_client().get_queue_url(QueueName=dead_letter_name(tier))["QueueUrl"]


def is_empty(tier: Tier) -> bool:
    """Whether the queue holds no message, visible or in flight, as far as SQS knows (it counts approximately)."""
    answer = sqs_client().get_queue_attributes(
        QueueUrl=queue_url(tier),
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )
    return not any(int(count) for count in answer["Attributes"].values())


def create_queues() -> list[str]:
    """Make what is missing and set the attributes of what is there. Safe to repeat; returns the queues' names."""
    client = sqs_client()
    names = []
    for tier in Tier:
        dead_url = client.create_queue(QueueName=dead_letter_name(tier))["QueueUrl"]
        client.set_queue_attributes(
            QueueUrl=dead_url, Attributes={"MessageRetentionPeriod": str(DEAD_LETTER_RETENTION_SECONDS)}
        )
        arn = client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        url = client.create_queue(QueueName=queue_name(tier))["QueueUrl"]
        client.set_queue_attributes(
            QueueUrl=url,
            Attributes={
                "MessageRetentionPeriod": str(SOURCE_RETENTION_SECONDS),
                "VisibilityTimeout": str(settings.JOB_VISIBILITY_SECONDS),
                "ReceiveMessageWaitTimeSeconds": str(LONG_POLL_SECONDS),
                "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(MAX_RECEIVE_COUNT)}),
            },
        )
        names += [queue_name(tier), dead_letter_name(tier)]
    return names
