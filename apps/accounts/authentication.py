"""Phone and password, within the acting academy."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from academy.http.disclosures import note_subjects
from apps.accounts.models import User, admitted
from apps.accounts.phones import parse_phone


class PhoneBackend(BaseBackend):
    """Takes as long, and answers the same, whether or not the phone is known."""

    def authenticate(
        self,
        request: HttpRequest | None,
        phone: str = "",
        password: str = "",
        **_: Any,
    ) -> User | None:
        number = parse_phone(phone)
        user = User.objects.filter(phone=number).first() if number else None
        if user is None:
            User().set_password(password)  # as much hashing as a check of a known person's password
            return None
        if request is not None:
            note_subjects(request, User.person_kind, [user.pk])  # whose door it was, should it stay shut
        return user if user.check_password(password) and user.is_admitted else None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(admitted(), pk=user_id).first()
