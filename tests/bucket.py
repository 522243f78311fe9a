"""What tests leave in the bucket."""

from __future__ import annotations

from django.conf import settings

from academy.storage.s3 import s3_client, unfinished_multiparts


def forget_objects() -> None:
    """With every version: moto goes on listing the folders of objects that have a delete marker."""
    client = s3_client()
    for page in client.get_paginator("list_object_versions").paginate(Bucket=settings.MEDIA_BUCKET):
        for found in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            client.delete_object(Bucket=settings.MEDIA_BUCKET, Key=found["Key"], VersionId=found["VersionId"])
    for key, multipart_id in list(unfinished_multiparts()):
        client.abort_multipart_upload(Bucket=settings.MEDIA_BUCKET, Key=key, UploadId=multipart_id)
