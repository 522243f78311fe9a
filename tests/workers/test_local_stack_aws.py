"""The embedded S3 and SQS: what the product relies on, as AWS does it."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from mypy_boto3_s3 import S3Client
from mypy_boto3_sqs import SQSClient

from infra.local import processes
from infra.local.aws import RunningAws, start_aws

BUCKET = "media"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAws]:
    running = start_aws(tmp_path_factory.mktemp("state folder with spaces"), dies_with_parent=True)
    yield running
    running.stop()


def s3_of(server: RunningAws, secret: str | None = None) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name=server.region,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=secret or server.secret_access_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


def sqs_of(server: RunningAws) -> SQSClient:
    return boto3.client(
        "sqs",
        endpoint_url=server.endpoint_url,
        region_name=server.region,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
    )


@pytest.fixture(scope="module")
def s3(server: RunningAws) -> Iterator[S3Client]:
    client = s3_of(server)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    client.put_object(Bucket=BUCKET, Key="1/답안 1.png", Body=b"0123456789", ContentType="image/png")
    yield client
    client.close()


@pytest.fixture(scope="module")
def sqs(server: RunningAws) -> Iterator[SQSClient]:
    client = sqs_of(server)
    yield client
    client.close()


def status_of(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def presigned(client: S3Client, key: str = "1/답안 1.png", seconds: int = 60) -> str:
    return client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=seconds)


def test_a_presigned_download_works_whole_and_in_parts(s3: S3Client) -> None:
    assert status_of(presigned(s3)) == 200
    assert status_of(presigned(s3), Range="bytes=2-4") == 206


def test_an_unsigned_download_is_refused(server: RunningAws, s3: S3Client) -> None:
    assert status_of(presigned(s3).partition("?")[0]) == 403


def test_a_download_signed_for_another_key_or_with_another_secret_is_refused(server: RunningAws, s3: S3Client) -> None:
    assert status_of(presigned(s3, key="2/other").replace("2/other", "1/%EB%8B%B5%EC%95%88%201.png")) == 403
    stranger = s3_of(server, secret="guessed")
    assert status_of(presigned(stranger)) == 403
    stranger.close()


def test_a_message_arrives_while_a_long_poll_waits_and_leaves_after_too_many_receipts(sqs: SQSClient) -> None:
    dead = sqs.create_queue(QueueName="jobs-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "2"})
    jobs = sqs.create_queue(QueueName="jobs", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.send_message(QueueUrl=jobs, MessageBody="poison", MessageGroupId="tenant-1", DelaySeconds=1)
    counts = []
    for _ in range(2):
        begun = time.monotonic()
        (message,) = sqs.receive_message(
            QueueUrl=jobs, WaitTimeSeconds=10, VisibilityTimeout=30, MessageSystemAttributeNames=["All"]
        )["Messages"]
        assert time.monotonic() - begun < 9
        assert message["Attributes"]["MessageGroupId"] == "tenant-1"
        counts.append(message["Attributes"]["ApproximateReceiveCount"])
        sqs.change_message_visibility(QueueUrl=jobs, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert counts == ["1", "2"]
    assert "Messages" not in sqs.receive_message(QueueUrl=jobs)
    (buried,) = sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=10)["Messages"]
    assert buried["Body"] == "poison"


def test_objects_survive_a_kill_and_messages_a_clean_stop(tmp_path: Path) -> None:
    first = start_aws(tmp_path, dies_with_parent=True)
    again = start_aws(tmp_path)
    assert (again.pid, again.is_started_here) == (first.pid, False)
    s3, sqs = s3_of(first), sqs_of(first)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    s3.put_object(Bucket=BUCKET, Key="1/scan", Body=b"pixels", ContentType="image/png")
    queue = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="42")
    first.stop()
    second = start_aws(tmp_path, dies_with_parent=True)
    assert second.endpoint_url == first.endpoint_url
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "42"
    os.kill(second.pid, signal.SIGKILL)
    assert processes.wait_until_gone([second.pid], seconds=5)
    third = start_aws(tmp_path, dies_with_parent=True)
    processes.reap(second.pid)
    found = s3.get_object(Bucket=BUCKET, Key="1/scan")
    assert (found["Body"].read(), found["ContentType"]) == (b"pixels", "image/png")
    third.stop()
    s3.close()
    sqs.close()
