"""With every filter of every query gone, row-level security alone still keeps the academies apart.

Run with the mutant of that in place; its name keeps it out of the ordinary run.
"""

from __future__ import annotations

from copy import copy
from functools import partial

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from academy.tenancy.base import TenantModel
from tests.architecture.rows import every_tenant_model, row_of
from tests.architecture.test_models import changes_nothing
from tests.factories import World


@pytest.mark.parametrize("model", every_tenant_model(), ids=lambda model: model._meta.label)
def test_the_policies_alone_show_nothing(model: type[TenantModel], full_world: World) -> None:
    hana = full_world.hana.tenant.pk
    foreign = row_of(full_world.duri, model)
    with full_world.hana.acting():
        with CaptureQueriesContext(connection) as sent:
            for rows in (model._default_manager.all(), model._base_manager.all(), QuerySet[TenantModel](model)):
                assert {row.tenant_id for row in rows} == {hana}
                assert not rows.filter(pk=foreign.pk).exists()
                theirs = rows.filter(pk=foreign.pk)
                assert changes_nothing(model, partial(theirs.update, created_at=foreign.created_at))
                assert changes_nothing(model, partial(theirs._raw_delete, "default"))
        assert not any("WHERE" in query["sql"] and '"tenant_id" =' in query["sql"] for query in sent), (
            "a filter is left"
        )
        forged = copy(foreign)
        forged._state = copy(foreign._state)
        forged._state.adding = True
        with pytest.raises(DatabaseError, match="row-level security policy"), transaction.atomic():
            QuerySet[TenantModel](model).bulk_create([forged])
    with pytest.raises(DatabaseError, match="does not exist"), transaction.atomic():
        list(QuerySet[TenantModel](model))  # nobody acts: no schema, no table
