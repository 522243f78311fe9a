"""Every S3 key is under the acting academy's prefix, and no other is ever signed, read or written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from academy.storage import s3
from academy.tenancy.context import acting_for
from academy.tenancy.errors import ForeignTenant, NoActingTenant
from academy.tenancy.models import Tenant

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import LifecycleRuleTypeDef

HANA, DURI = Tenant(pk=1, slug="hana"), Tenant(pk=2, slug="duri")

USES: list[Callable[[str], object]] = [
    s3.presign_get,
    s3.object_bytes,
    lambda key: s3.read_object(key, max_bytes=10),
    lambda key: s3.write_object(key, b"x", content_type="image/jpeg"),
    lambda key: s3.presign_post(key, content_type="image/jpeg", max_bytes=10),
    lambda key: s3.create_multipart(key, content_type="video/mp4"),
    lambda key: s3.presign_part(key, "x", number=1, byte_count=10),
    lambda key: s3.arrived_parts(key, "x"),
    lambda key: s3.complete_multipart(key, "x", []),
    s3.erase_objects,
]


def test_a_key_begins_with_its_academy() -> None:
    with acting_for(HANA):
        assert s3.tenant_key("uploads", "abc.jpg") == "t/1/uploads/abc.jpg"


@pytest.mark.parametrize(
    "part", ["", ".", "..", "../2", "a/b", "/a", "a\\b", "a\x00", "a\n", " a", "-a", "한글", "a" * 129]
)
def test_what_is_no_name_is_no_part_of_a_key(part: str) -> None:
    with acting_for(HANA), pytest.raises(ValueError, match="not a key part"):
        s3.tenant_key("uploads", part)


@given(st.text(max_size=40))
def test_no_part_leads_out_of_the_prefix(part: str) -> None:
    with acting_for(HANA):
        try:
            key = s3.tenant_key("uploads", part)
        except ValueError:
            return
    assert key.startswith("t/1/uploads/")
    assert key.count("/") == 3
    assert ".." not in key.split("/")


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("key", ["t/2/uploads/x", "t/12/uploads/x", "t/1", "uploads/x", "", "/t/1/x", "T/1/x"])
def test_another_academys_key_is_a_bug_not_an_answer(use: Callable[[str], object], key: str) -> None:
    with acting_for(HANA), pytest.raises(ForeignTenant):
        use(key)


@pytest.mark.parametrize("use", USES)
def test_nobody_acting_reaches_no_object(use: Callable[[str], object]) -> None:
    with pytest.raises(NoActingTenant):
        use("t/1/uploads/x")


@pytest.mark.usefixtures("aws")
def test_what_is_written_is_read_and_measured() -> None:
    with acting_for(HANA):
        key = s3.tenant_key("uploads", "written")
        assert s3.object_bytes(key) is None
        with pytest.raises(s3.ObjectMissing):
            s3.read_object(key, max_bytes=10)
        s3.write_object(key, b"12345", content_type="image/jpeg")
        assert s3.object_bytes(key) == 5
        assert s3.read_object(key, max_bytes=5) == b"12345"
        with pytest.raises(ValueError, match="at most 4"):
            s3.read_object(key, max_bytes=4)
    with acting_for(DURI):
        assert s3.object_bytes(s3.tenant_key("uploads", "written")) is None


@pytest.mark.usefixtures("aws")
def test_a_bucket_ends_what_nobody_finished_and_keeps_rules_that_somebody_made() -> None:
    client, bucket = s3.s3_client(), settings.MEDIA_BUCKET
    (rule,) = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": s3.UNFINISHED_DAYS}
    own: LifecycleRuleTypeDef = {
        "ID": "cold",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": 9_000},
    }
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [own]})
    s3.create_bucket()
    assert [rule["ID"] for rule in client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]] == ["cold"]
    client.delete_bucket_lifecycle(Bucket=bucket)
    s3.create_bucket()
    assert "AbortIncompleteMultipartUpload" in client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]
    (cors,) = client.get_bucket_cors(Bucket=bucket)["CORSRules"]
    assert {"POST", "PUT", "GET"} == set(cors["AllowedMethods"])
