"""Everything that writes people and sessions."""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from academy.http.errors import DomainError, Invalid
from apps.accounts.models import User
from apps.accounts.phones import parse_phone
from apps.accounts.roles import Role


class WrongCredentials(DomainError):
    status_code = 401
    code = "wrong_credentials"


class PhoneTaken(DomainError):
    code = "phone_taken"


def create_user(*, phone: str, name: str, role: Role, password: str | None = None) -> User:
    """A new person of the acting academy. Without a password the first log-in is by code.

    Raises ``Invalid`` for a malformed phone or a weak password and ``PhoneTaken`` when the academy has this phone.
    """
    number = parse_phone(phone)
    if number is None:
        raise Invalid("This is not a valid phone number.", attr="phone")
    user = User(phone=number, name=name, role=role)
    if password is None:
        user.set_unusable_password()
    else:
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise Invalid(" ".join(error.messages), attr="password") from error
        user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise PhoneTaken("Somebody in this academy has this phone number already.", attr="phone") from error
    return user


def log_in(request: HttpRequest, *, phone: str, password: str) -> User:
    """Start a session on this academy's host. Raises ``WrongCredentials``, the same for every reason."""
    user = authenticate(request, phone=phone, password=password)
    if not isinstance(user, User):
        raise WrongCredentials("The phone number or the password is wrong.")
    login(request, user)
    return user


def log_out(request: HttpRequest) -> None:
    logout(request)
