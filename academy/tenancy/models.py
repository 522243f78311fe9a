"""Academies, their hosts and their plans: the shared tables, the only ones in the ``public`` schema."""

from __future__ import annotations

from typing import ClassVar, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

POOL_SCHEMA: Final = "pool"

# How long an academy's trail is kept: a year by law, two where it is about many people or sensitive data.
MIN_TRAIL_MONTHS: Final = 12
MAX_TRAIL_MONTHS: Final = 24

# A DNS label: it becomes the academy's host name below the base domain.
SLUG_PATTERN: Final = r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?\Z"


# What a plan allows in a day of a kind that it lists without a limit. Small on purpose: absent is never "unlimited".
UNSTATED_DAILY_LIMIT: Final = 200
MAX_DAILY_LIMIT: Final = 1_000_000_000


def check_time_zone(name: str) -> None:
    """Raises ``ValidationError`` for what is no name of a time zone."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ValidationError(f"there is no time zone {name!r}") from error


class Plan(models.Model):
    """What an academy has bought: ``job_kinds`` maps each kind of job it may run to the tier that runs it,
    ``daily_limits`` to how many it may queue in a day.

    A kind that is not listed is refused; an empty plan allows nothing.
    """

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=80)
    job_kinds = models.JSONField(default=dict, blank=True)
    daily_limits = models.JSONField(default=dict, db_default={}, blank=True)

    def __str__(self) -> str:
        return self.code

    def tier_of(self, kind: str) -> str | None:
        """The tier that runs ``kind`` for this plan, ``None`` when the plan does not include it."""
        tier = self.job_kinds.get(kind)
        return tier if isinstance(tier, str) else None

    def daily_limit_of(self, kind: str) -> int:
        """How many jobs of ``kind`` the plan allows in a day. What is malformed allows none."""
        limits = self.daily_limits if isinstance(self.daily_limits, dict) else {kind: None}
        limit = limits.get(kind, UNSTATED_DAILY_LIMIT)
        return limit if type(limit) is int and 0 <= limit <= MAX_DAILY_LIMIT else 0


class Isolation(models.TextChoices):
    POOL = "pool", "Pool"
    SILO = "silo", "Silo"


class TenantStatus(models.TextChoices):
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"
    MOVING = "moving", "Moving"


class Tenant(models.Model):
    """An academy, or the platform itself (``is_platform``), whose people are the operators.

    ``schema_name`` says where its rows live: ``pool`` for pooled academies, a schema of its own for a silo. Not
    django-tenants' TenantMixin: that one wants a schema for every tenant.
    """

    schema_name = models.CharField(max_length=63, default=POOL_SCHEMA, editable=False)
    slug = models.CharField(max_length=32, unique=True, validators=[RegexValidator(SLUG_PATTERN)])
    name = models.CharField(max_length=120)
    isolation = models.CharField(max_length=8, choices=Isolation, default=Isolation.POOL)
    status = models.CharField(max_length=12, choices=TenantStatus, default=TenantStatus.ACTIVE)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    is_platform = models.BooleanField(default=False)
    mfa_required_for_staff = models.BooleanField(default=False, db_default=False)
    # Whether people's devices may be told of news by push services, which are other companies'.
    sends_notices = models.BooleanField(default=True, db_default=True)
    trail_months = models.PositiveSmallIntegerField(default=MAX_TRAIL_MONTHS, db_default=MAX_TRAIL_MONTHS)
    # Whose midnight begins its day, e.g. for daily limits.
    time_zone = models.CharField(
        max_length=64, default="Asia/Seoul", db_default="Asia/Seoul", validators=[check_time_zone]
    )
    # How it looks: "#rrggbb" or "" for the product's own, and where its logo lies (apps/academies), "" for none.
    colour = models.CharField(max_length=7, blank=True, default="", db_default="")
    logo_place = models.CharField(max_length=255, blank=True, default="", db_default="")
    # Its own wording of text messages, by kind, and what its new exams' sheets are like at first.
    texts = models.JSONField(blank=True, default=dict, db_default={})
    sheet_defaults = models.JSONField(blank=True, default=dict, db_default={})
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_platform"], condition=models.Q(is_platform=True), name="tenant_one_platform"
            ),
            models.CheckConstraint(
                condition=models.Q(isolation=Isolation.POOL, schema_name=POOL_SCHEMA)
                | (models.Q(isolation=Isolation.SILO) & ~models.Q(schema_name__in=[POOL_SCHEMA, "public"])),
                name="tenant_schema_fits_isolation",
            ),
            models.UniqueConstraint(
                fields=["schema_name"], condition=models.Q(isolation=Isolation.SILO), name="tenant_silo_schema_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(trail_months__range=(MIN_TRAIL_MONTHS, MAX_TRAIL_MONTHS)),
                name="tenant_trail_kept_one_to_two_years",
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def picture_url(self, name: str) -> str:
        """Where browsers get the academy's "logo" or "icon", another address for each one there was; "" for none."""
        version = "-".join(self.logo_place.split("/")[-2:])
        return f"/api/v1/academy/{name}?v={version}" if version else ""


class Domain(models.Model):
    """A host name of an academy, lower case, without port or trailing dot."""

    domain = models.CharField(max_length=253, unique=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="domains")
    is_primary = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant"], condition=models.Q(is_primary=True), name="domain_one_primary")
        ]

    def __str__(self) -> str:
        return self.domain
