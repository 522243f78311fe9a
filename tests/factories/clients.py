"""Browsers: Django test clients on an academy's host."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.test import Client

from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant
from apps.accounts.models import Session, User

SESSION_URL = "/api/v1/session"


def stranger_on(tenant: Tenant, *, checks_csrf: bool = False) -> Client:
    """Nobody, on the academy's host."""
    return Client(enforce_csrf_checks=checks_csrf, SERVER_NAME=tenant.domains.get(is_primary=True).domain)


def browser_sessions() -> QuerySet[Session]:
    """The acting academy's sessions without those of ``make_subscription``, which no browser has."""
    return Session.objects.exclude(session_data="")


def client_of(user: User, *, checks_csrf: bool = False) -> Client:
    """``user``, signed in on their host. With ``checks_csrf`` the token is checked, and sent as browsers do."""
    client = stranger_on(user.tenant, checks_csrf=checks_csrf)
    with transaction.atomic(), acting_for(user.tenant):
        client.force_login(user)
    if checks_csrf:
        client.defaults["HTTP_X_CSRFTOKEN"] = client.get(SESSION_URL).json()["csrf_token"]
    return client
