"""The queues: made once, repaired when somebody changed them, each with its dead letters."""

from __future__ import annotations

import json

import pytest
from django.conf import settings
from django.core.management import call_command

from academy.jobs.queues import MAX_RECEIVE_COUNT, Tier, create_queues, queue_url, sqs_client
from academy.storage.s3 import s3_client

pytestmark = pytest.mark.usefixtures("aws")

NAMES = [
    "academy-ai-jobs-lite",
    "academy-ai-jobs-lite-dlq",
    "academy-ai-jobs-basic",
    "academy-ai-jobs-basic-dlq",
    "academy-ai-jobs-premium",
    "academy-ai-jobs-premium-dlq",
    "academy-video-jobs",
    "academy-video-jobs-dlq",
]


def attributes(url: str) -> dict[str, str]:
    found = sqs_client().get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {str(name): value for name, value in found.items()}


def test_there_are_four_queues_each_with_a_dead_letter_queue() -> None:
    assert create_queues() == NAMES
    urls = sqs_client().list_queues(QueueNamePrefix="academy-")["QueueUrls"]
    assert sorted(url.rsplit("/", 1)[1] for url in urls) == sorted(NAMES)


@pytest.mark.parametrize("tier", list(Tier))
def test_what_fails_too_often_goes_to_its_own_dead_letters(tier: Tier) -> None:
    found = attributes(queue_url(tier))
    redrive = json.loads(found["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == found["QueueArn"] + "-dlq"
    assert int(redrive["maxReceiveCount"]) == MAX_RECEIVE_COUNT >= 5
    assert found["VisibilityTimeout"] == str(settings.JOB_VISIBILITY_SECONDS)
    assert found["ReceiveMessageWaitTimeSeconds"] == "20"
    assert found["MessageRetentionPeriod"] == str(4 * 24 * 3600)
    assert attributes(queue_url(tier) + "-dlq")["MessageRetentionPeriod"] == str(14 * 24 * 3600)


def test_making_them_again_repairs_them_and_keeps_their_messages() -> None:
    url = queue_url(Tier.VIDEO)
    sqs_client().send_message(QueueUrl=url, MessageBody="kept")
    sqs_client().set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    call_command("create_queues")
    assert attributes(url)["VisibilityTimeout"] == str(settings.JOB_VISIBILITY_SECONDS)
    (message,) = sqs_client().receive_message(QueueUrl=url, WaitTimeSeconds=0)["Messages"]
    sqs_client().delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert message["Body"] == "kept"


def test_the_media_bucket_is_made_too() -> None:
    call_command("create_queues")
    assert settings.MEDIA_BUCKET in {bucket["Name"] for bucket in s3_client().list_buckets()["Buckets"]}
    rules = s3_client().get_bucket_cors(Bucket=settings.MEDIA_BUCKET)["CORSRules"]
    assert {method for rule in rules for method in rule["AllowedMethods"]} == {"GET", "POST", "PUT"}


def test_the_tiers_run_what_they_cover() -> None:
    runs = {(tier.value, needed.value) for tier in Tier for needed in Tier if tier.may_run(needed)}
    assert runs == {
        ("lite", "lite"),
        ("basic", "lite"),
        ("basic", "basic"),
        ("premium", "lite"),
        ("premium", "basic"),
        ("premium", "premium"),
        ("video", "video"),
    }
