"""The one door to S3. Every key is made here, from the acting academy; none is ever taken from a request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import IO, TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from django.conf import settings

from academy.tenancy.context import acting_tenant
from academy.tenancy.errors import ForeignTenant
from academy.traces.spans import Role, span

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType
    from mypy_boto3_s3.type_defs import LifecycleRuleTypeDef, ObjectIdentifierTypeDef

UPLOAD_SECONDS: Final = 15 * 60
DOWNLOAD_SECONDS: Final = 5 * 60
CHUNK_BYTES: Final = 4 * 1024 * 1024
UNFINISHED_DAYS: Final = 2  # how long an upload in parts may take, with every break
DELETE_BATCH: Final = 1000  # what S3 deletes in one call
# What is no academy's. No key that an academy gets leads here.
PLATFORM_PREFIX: Final = "platform/"

_PART = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")


class ObjectMissing(Exception):
    """There is no object under this key."""


class MultipartMissing(Exception):
    """Storage knows of no such upload in parts: it was put together, or given up."""


class ObjectsLeft(Exception):
    """S3 did not delete all that it was asked to. Asking again goes on with the rest."""


@dataclass(frozen=True, slots=True)
class PresignedPost:
    """Where and with which form fields a browser sends a file. The policy in ``fields`` fixes key, type and size."""

    url: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has arrived."""

    number: int
    byte_count: int
    etag: str


@cache
def s3_client() -> S3Client:
    config = Config(
        region_name=settings.AWS_REGION,
        signature_version="s3v4",
        connect_timeout=3,
        read_timeout=30,
        retries={"mode": "standard", "max_attempts": 3},
        max_pool_connections=32,
        s3={"addressing_style": "path"} if settings.S3_PATH_STYLE else {},
    )
    return boto3.client("s3", config=config)


def tenant_key(*parts: str) -> str:
    """``t/<tenant id>/<part>/<part>`` for the acting academy. Raises ``ValueError`` for a part that is no name."""
    for part in parts:
        if not _PART.match(part):
            raise ValueError(f"not a key part: {part!r}")
    return "/".join(["t", str(acting_tenant().pk), *parts])


def _own(key: str) -> str:
    if not key.startswith(f"t/{acting_tenant().pk}/"):
        raise ForeignTenant(f"{key!r} is not under the prefix of tenant {acting_tenant().pk}")
    return key


def presign_post(key: str, *, content_type: str, max_bytes: int) -> PresignedPost:
    """A form that uploads one object of at most ``max_bytes`` under ``key``, within 15 minutes."""
    signed = s3_client().generate_presigned_post(
        settings.MEDIA_BUCKET,
        _own(key),
        Fields={"Content-Type": content_type},
        Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, max_bytes]],
        ExpiresIn=UPLOAD_SECONDS,
    )
    return PresignedPost(url=signed["url"], fields=signed["fields"])


def create_multipart(key: str, *, content_type: str) -> str:
    """Begin an upload in parts under ``key``; returns what S3 calls it."""
    begun = s3_client().create_multipart_upload(Bucket=settings.MEDIA_BUCKET, Key=_own(key), ContentType=content_type)
    return begun["UploadId"]


def presign_part(key: str, multipart_id: str, *, number: int, byte_count: int) -> str:
    """A link that takes one part of exactly ``byte_count`` bytes by PUT, within 15 minutes.

    The length is signed: S3 refuses a part of any other.
    """
    params = {
        "Bucket": settings.MEDIA_BUCKET,
        "Key": _own(key),
        "UploadId": multipart_id,
        "PartNumber": number,
        "ContentLength": byte_count,
    }
    return s3_client().generate_presigned_url("upload_part", Params=params, ExpiresIn=UPLOAD_SECONDS)


def arrived_parts(key: str, multipart_id: str) -> list[Part]:
    """The parts that S3 has, by number. Raises ``MultipartMissing``."""
    pages = s3_client().get_paginator("list_parts")
    with _missing_multipart(key):
        return [
            Part(part["PartNumber"], part["Size"], part["ETag"])
            for page in pages.paginate(Bucket=settings.MEDIA_BUCKET, Key=_own(key), UploadId=multipart_id)
            for part in page.get("Parts", ())
        ]


def complete_multipart(key: str, multipart_id: str, parts: Sequence[Part]) -> None:
    """Put the object together of ``parts``. Raises ``MultipartMissing``."""
    with _missing_multipart(key):
        s3_client().complete_multipart_upload(
            Bucket=settings.MEDIA_BUCKET,
            Key=_own(key),
            UploadId=multipart_id,
            MultipartUpload={"Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]},
            MpuObjectSize=sum(part.byte_count for part in parts),
        )


@contextmanager
def _missing_multipart(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "NoSuchUpload"}:
            raise MultipartMissing(key) from error
        raise


def unfinished_multiparts(prefix: str = "") -> Iterator[tuple[str, str]]:
    """Key and S3's name of every upload in parts that is neither put together nor given up."""
    pages = s3_client().get_paginator("list_multipart_uploads")
    for page in pages.paginate(Bucket=settings.MEDIA_BUCKET, Prefix=prefix):
        yield from ((upload["Key"], upload["UploadId"]) for upload in page.get("Uploads", ()))


def presign_get(key: str, *, seconds: int = DOWNLOAD_SECONDS) -> str:
    """A link to one object, good for 5 minutes, or ``seconds``. Made when it is used, never stored."""
    return s3_client().generate_presigned_url(
        "get_object", Params={"Bucket": settings.MEDIA_BUCKET, "Key": _own(key)}, ExpiresIn=seconds
    )


@cache
def browser_origins() -> tuple[str, ...]:
    """Where browsers send and fetch files by the forms and links made here, as scheme and host."""
    client, bucket = s3_client(), settings.MEDIA_BUCKET
    links = (
        client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "x"}),
        client.generate_presigned_post(bucket, "x")["url"],
    )
    return tuple(sorted({"{0.scheme}://{0.netloc}".format(urlsplit(link)) for link in links}))


def object_bytes(key: str) -> int | None:
    """The size of the object, ``None`` when there is none."""
    try:
        with span("storage.look", role=Role.CLIENT):
            return s3_client().head_object(Bucket=settings.MEDIA_BUCKET, Key=_own(key))["ContentLength"]
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "NoSuchKey", "NotFound"}:
            return None
        raise


@contextmanager
def _opened(key: str, *, max_bytes: int) -> Iterator[StreamingBody]:
    try:
        answer = s3_client().get_object(Bucket=settings.MEDIA_BUCKET, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
            raise ObjectMissing(key) from error
        raise
    # Not `with answer["Body"]`: that hands out the raw stream, which checks neither length nor checksum.
    with closing(answer["Body"]) as body:
        if answer["ContentLength"] > max_bytes:
            raise ValueError(f"{answer['ContentLength']} bytes, at most {max_bytes} are read")
        yield body


def read_object(key: str, *, max_bytes: int) -> bytes:
    """The whole object. Raises ``ObjectMissing``, and ``ValueError`` when it is larger than ``max_bytes``.

    Raises botocore's errors when the length or the checksum that S3 keeps is another.
    """
    with span("storage.read", role=Role.CLIENT), _opened(_own(key), max_bytes=max_bytes) as body:
        return body.read()


def read_chunks(key: str, *, max_bytes: int) -> Iterator[bytes]:
    """The object piece by piece, for what is too large to be held in memory. Raises as ``read_object`` does."""
    with _opened(_own(key), max_bytes=max_bytes) as body:
        yield from body.iter_chunks(CHUNK_BYTES)


def write_object(key: str, data: bytes, *, content_type: str) -> None:
    with span("storage.write", role=Role.CLIENT):
        s3_client().put_object(Bucket=settings.MEDIA_BUCKET, Key=_own(key), Body=data, ContentType=content_type)


def write_file(key: str, file: IO[bytes], *, content_type: str, on_sent: Callable[[int], None] | None = None) -> None:
    """As ``write_object``, for what is too large to be held in memory. ``on_sent`` is told how many bytes have gone."""
    with span("storage.write", role=Role.CLIENT):
        s3_client().upload_fileobj(
            file, settings.MEDIA_BUCKET, _own(key), ExtraArgs={"ContentType": content_type}, Callback=on_sent
        )


def versions_of(place: str) -> Iterator[tuple[str, str]]:
    """Key and version id of every version of the object ``place``, or of all below it when it ends in "/"."""
    place = _own(place)
    pages = s3_client().get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=settings.MEDIA_BUCKET, Prefix=place):
        for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            if place.endswith("/") or version["Key"] == place:
                yield version["Key"], version["VersionId"]


def erase_objects(place: str) -> int:
    """Remove what ``versions_of`` names; returns how many versions. Raises ``ObjectsLeft`` when S3 kept some.

    What is still being sent there in parts is given up first, so that nobody puts it together afterwards.
    """
    _abort_multiparts(place)
    found = [cast("ObjectIdentifierTypeDef", {"Key": key, "VersionId": id_}) for key, id_ in versions_of(place)]
    for start in range(0, len(found), DELETE_BATCH):
        chunk = found[start : start + DELETE_BATCH]
        answer = s3_client().delete_objects(Bucket=settings.MEDIA_BUCKET, Delete={"Objects": chunk, "Quiet": True})
        if answer.get("Errors"):
            raise ObjectsLeft(f"{len(answer['Errors'])} versions below {place!r}")
    return len(found)


def _abort_multiparts(place: str) -> None:
    for key, multipart_id in list(unfinished_multiparts(_own(place))):
        if place.endswith("/") or key == place:
            with suppress(MultipartMissing), _missing_multipart(key):
                s3_client().abort_multipart_upload(Bucket=settings.MEDIA_BUCKET, Key=key, UploadId=multipart_id)


def create_bucket() -> str:
    """Make the media bucket where it is missing; returns its name. Browsers may send to it from any academy.

    It keeps versions, so that nothing is lost by one wrong call; an erasure removes them all. Parts that nobody put
    together go after some days, also where no row knows of them.
    """
    client, name = s3_client(), settings.MEDIA_BUCKET
    region = cast("BucketLocationConstraintType", settings.AWS_REGION)
    try:
        client.head_bucket(Bucket=name)
    except ClientError:
        if settings.AWS_REGION == "us-east-1":  # the one region that may not be named
            client.create_bucket(Bucket=name)
        else:
            client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    client.put_bucket_cors(
        Bucket=name,
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedMethods": ["POST", "PUT", "GET"],
                    "AllowedOrigins": ["*"],
                    "AllowedHeaders": ["*"],
                    "MaxAgeSeconds": 3600,
                }
            ]
        },
    )
    _end_unfinished(client, name)
    return name


def _end_unfinished(client: S3Client, bucket: str) -> None:
    """A rule that gives up what nobody finished. Rules that somebody made are left, and so is storage without any."""
    rule: LifecycleRuleTypeDef = {
        "ID": "unfinished uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UNFINISHED_DAYS},
    }
    try:
        client.get_bucket_lifecycle_configuration(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration":
            client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
        elif error.response["Error"]["Code"] != "NotImplemented":
            raise


def write_platform_object(name: str, data: bytes, *, content_type: str) -> str:
    """Keep something that is no academy's, under ``platform/``; returns its key."""
    for part in name.split("/"):
        if not _PART.match(part):
            raise ValueError(f"not a key part: {part!r}")
    key = PLATFORM_PREFIX + name
    s3_client().put_object(Bucket=settings.MEDIA_BUCKET, Key=key, Body=data, ContentType=content_type)
    return key


def read_platform_object(name: str, *, max_bytes: int) -> bytes:
    """What was kept as ``name`` under ``platform/``. Raises ``ObjectMissing``, and ``ValueError`` when it is larger."""
    with _opened(PLATFORM_PREFIX + name, max_bytes=max_bytes) as body:
        return body.read()


def prefixes_below(prefix: str) -> Iterator[str]:
    """The next steps of all keys under ``prefix``: folders with their slash, and objects that lie right there."""
    pages = s3_client().get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=settings.MEDIA_BUCKET, Prefix=prefix, Delimiter="/"):
        yield from (folder["Prefix"] for folder in page.get("CommonPrefixes", ()))
        yield from (found["Key"] for found in page.get("Contents", ()))


def own_keys() -> Iterator[str]:
    """Every key of the acting academy that has an object."""
    pages = s3_client().get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=settings.MEDIA_BUCKET, Prefix=tenant_key() + "/"):
        yield from (found["Key"] for found in page.get("Contents", ()))
