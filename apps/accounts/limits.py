"""How often one may try what can be guessed, and ask for what costs money. The one table of it.

A limit per address is generous: a whole class sits behind one. Limits per academy and over all of them are there for
floods; they are asked last, so that what a narrower limit refuses does not use them up for others.
"""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

from academy.http.addresses import counted_address
from academy.limits.limiter import Limit, forget, take
from academy.tenancy.context import acting_tenant

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

LOG_INS_PER_PHONE: Final = Limit("log_in.phone", 10, 15 * MINUTE)
LOG_INS_PER_ADDRESS: Final = Limit("log_in.address", 300, 10 * MINUTE)
LOG_INS_PER_ACADEMY: Final = Limit("log_in.academy", 3_000, 10 * MINUTE)
LOG_INS: Final = Limit("log_in.all", 30_000, 10 * MINUTE)

# Each code takes 5 tries, and a phone gets 10 codes a day: 50 guesses at one in a million, or even odds in 38 years.
# Outlives the code by far, so that no new window begins while it is good.
TRIES_PER_CODE: Final = Limit("code.code", 5, HOUR)
TRIES_PER_ADDRESS: Final = Limit("code.address", 300, 10 * MINUTE)
TRIES_PER_ACADEMY: Final = Limit("code.academy", 3_000, 10 * MINUTE)
TRIES: Final = Limit("code.all", 30_000, 10 * MINUTE)

TEXTS_PER_PHONE: Final = Limit("text.phone", 5, HOUR)
TEXTS_PER_PHONE_DAILY: Final = Limit("text.phone_daily", 10, DAY)
TEXTS_PER_ADDRESS: Final = Limit("text.address", 100, HOUR)
TEXTS_PER_ACADEMY: Final = Limit("text.academy", 2_000, DAY)
TEXTS: Final = Limit("text.all", 50_000, DAY)

# Of a day: reminders use up neither a phone's codes nor all that the academy may send.
REMINDERS_PER_PHONE: Final = Limit("reminder.phone", 3, DAY)
REMINDERS_PER_ACADEMY: Final = Limit("reminder.academy", 1_000, DAY)

# Challenges asked for and answers to them, together: a log-in by passkey counts twice, and a page may ask on opening.
PASSKEYS_PER_ADDRESS: Final = Limit("passkey.address", 600, 10 * MINUTE)
PASSKEYS_PER_ACADEMY: Final = Limit("passkey.academy", 6_000, 10 * MINUTE)
PASSKEYS: Final = Limit("passkey.all", 60_000, 10 * MINUTE)

FACTORS_PER_PERSON: Final = Limit("factor.person", 10, 15 * MINUTE)


def take_log_in(request: HttpRequest, phone: str) -> None:
    """Count one password that is tried for ``phone``. Raises ``TooMany`` or ``LimitsUnreachable``, as do all here."""
    tenant = acting_tenant().pk
    take(LOG_INS_PER_PHONE, tenant, phone)
    take(LOG_INS_PER_ADDRESS, counted_address(request))
    take(LOG_INS_PER_ACADEMY, tenant)
    take(LOG_INS)


def forget_log_ins(phone: str) -> None:
    """The password was right: earlier mistakes no longer count."""
    forget(LOG_INS_PER_PHONE, acting_tenant().pk, phone)


def take_try(request: HttpRequest) -> None:
    """Count one code that is tried, whichever it is."""
    take(TRIES_PER_ADDRESS, counted_address(request))
    take(TRIES_PER_ACADEMY, acting_tenant().pk)
    take(TRIES)


def take_try_of_code(challenge_id: int) -> None:
    """Count one try at this code."""
    take(TRIES_PER_CODE, acting_tenant().pk, challenge_id)


def take_text(request: HttpRequest, phone: str, *, is_sent: bool = True) -> None:
    """Count one text. What is asked for in vain counts for phone and address, and uses up no academy's texts."""
    tenant = acting_tenant().pk
    take(TEXTS_PER_PHONE, tenant, phone)
    take(TEXTS_PER_PHONE_DAILY, tenant, phone)
    take(TEXTS_PER_ADDRESS, counted_address(request))
    take_texts_of_academy(1 if is_sent else 0)


def take_texts_of_academy(count: int) -> None:
    """Count texts that the academy pays for."""
    take(TEXTS_PER_ACADEMY, acting_tenant().pk, cost=count)
    take(TEXTS, cost=count)


def take_passkey(request: HttpRequest) -> None:
    """Count one step of a log-in by passkey."""
    take(PASSKEYS_PER_ADDRESS, counted_address(request))
    take(PASSKEYS_PER_ACADEMY, acting_tenant().pk)
    take(PASSKEYS)


def take_factor(user_id: int) -> None:
    """Count one second factor that is tried."""
    take(FACTORS_PER_PERSON, acting_tenant().pk, user_id)


def forget_factors(user_id: int) -> None:
    """A passkey was right: earlier mistakes no longer count."""
    forget(FACTORS_PER_PERSON, acting_tenant().pk, user_id)


def take_invitation(phone: str) -> None:
    """Count one invitation that is sent again."""
    take_text_to(phone)
    take_texts_of_academy(1)


def take_text_to(phone: str) -> None:
    """Count one text that somebody is sent without having asked for it."""
    tenant = acting_tenant().pk
    take(TEXTS_PER_PHONE, tenant, phone)
    take(TEXTS_PER_PHONE_DAILY, tenant, phone)


def take_reminder_to(phone: str) -> None:
    """Count one reminder for this phone."""
    take(REMINDERS_PER_PHONE, acting_tenant().pk, phone)


def take_reminder_of_academy() -> None:
    """Count one reminder that the academy pays for."""
    take(REMINDERS_PER_ACADEMY, acting_tenant().pk)
    take_texts_of_academy(1)
