"""The base of every tenant table."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from academy.tenancy.context import acting_tenant
from academy.tenancy.errors import ForeignTenant
from academy.tenancy.fields import TenantKey
from academy.tenancy.managers import TenantManager
from academy.tenancy.models import Tenant


class TenantModel(models.Model):
    """A row that belongs to one academy.

    Reading asks the acting tenant's rows only; writing another's raises ``ForeignTenant``. The database holds the
    same line by itself: row-level security and composite keys, written by the schema editor.

    What people change is recorded in the trail. ``trail_values`` are the columns whose old and new values are kept
    there, never personal ones; ``untrailed`` opts the table out, for the reason it gives; ``person_kind`` says that a
    row is a person, and what the trail calls them; ``trail_subject`` names the columns of kind and id of a person whom
    the row is about without a key. ``is_append_only``: the application adds rows and does nothing else.
    """

    trail_values: ClassVar[tuple[str, ...]] = ()
    untrailed: ClassVar[str] = ""
    person_kind: ClassVar[str] = ""
    trail_subject: ClassVar[tuple[str, str] | None] = None
    is_append_only: ClassVar[bool] = False

    tenant = TenantKey(Tenant, on_delete=models.PROTECT)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[TenantManager[Self]] = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
        default_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.claim_for_acting_tenant()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self.claim_for_acting_tenant()
        return super().delete(*args, **kwargs)

    def claim_for_acting_tenant(self) -> None:
        """Set the acting tenant on a new row; raise ``ForeignTenant`` if the row is another's."""
        tenant = acting_tenant()
        of_row: int | None = self.tenant_id
        if of_row is None:
            self.tenant = tenant
        elif of_row != tenant.pk:
            raise ForeignTenant(f"{type(self).__name__} of tenant {of_row} written for tenant {tenant.pk}")
