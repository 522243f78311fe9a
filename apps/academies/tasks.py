"""The kind of job of this app: a logo is drawn anew, for what was sent is never shown."""

from __future__ import annotations

from typing import Final, TypedDict, cast

from django.db import transaction
from django_tasks import task

from academy.jobs.context import current_job
from academy.jobs.errors import PermanentFailure
from academy.storage import s3
from academy.tenancy.context import acting_tenant
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import Tenant
from apps.academies.models import Logo
from apps.accounts.roles import Permission

MAX_FILE_BYTES: Final = 10 * 1024 * 1024


class LogoAnswer(TypedDict):
    """As ``workers.compute:draw_logo`` answers."""

    logo_png: bytes
    icon_png: bytes


@task(
    queue_name="lite",
    time_limit_seconds=60.0,
    is_in_every_plan=True,
    subject="logo",
    permission=Permission.SET_UP_ACADEMY,
)
def draw_logo(logo_id: int) -> None:
    """Draw what was sent as logo and icon in the sandbox, and put them to use, unless a newer one was sent."""
    job = current_job()
    with transaction.atomic():
        logo = Logo.objects.select_related("upload").filter(pk=logo_id).first()
        is_newest = logo is not None and not Logo.objects.filter(pk__gt=logo.pk).exists()
    if logo is None or not is_newest:
        raise PermanentFailure("logo_deleted", "The logo was removed before it was drawn.")
    data = job.input_bytes(logo.upload.key, max_bytes=MAX_FILE_BYTES)
    answer = cast(LogoAnswer, job.compute("workers.compute:draw_logo", data))
    place = s3.tenant_key("logos", str(logo.pk), str(job.attempt))
    logo_key, icon_key = f"{place}/logo.png", f"{place}/icon.png"
    s3.write_object(logo_key, answer["logo_png"], content_type="image/png")
    s3.write_object(icon_key, answer["icon_png"], content_type="image/png")
    with job.finishing(logo_id=logo.pk):
        Logo.objects.filter(pk=logo.pk).update(logo_key=logo_key, icon_key=icon_key)
        Tenant.objects.filter(pk=acting_tenant().pk).update(logo_place=place)
    forget_hosts()
