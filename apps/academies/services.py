"""What owners and managers decide about their academy. Everything is in the trail, with what it was before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from django.db import transaction
from django.utils.translation import gettext

from academy.http.errors import Invalid
from academy.jobs.models import Job
from academy.jobs.services import cancel_jobs
from academy.storage.services import use_upload
from apps.academies import tasks
from apps.academies.models import Logo
from apps.academies.queries import SheetDefaults
from apps.accounts.models import User
from apps.accounts.services.academy import change_academy
from apps.accounts.services.texts import USUAL, TextKind, check_template
from sheets.colours import MIN_CONTRAST, contrast_with_white, readable
from sheets.fields import MAX_CHOICES, MAX_NUMBER_DIGITS, MIN_CHOICES, MIN_NUMBER_DIGITS

LOGO_TYPES: Final = ("image/png", "image/jpeg", "image/heic", "image/heif")
MAX_NAME: Final = 60
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}\Z")


def set_looks(*, name: str, colour: str) -> None:
    """The academy's name and its colour, "#rrggbb" or "" for the product's own.

    Raises ``Invalid``, also for a colour on which white text, or which on white, cannot be read.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise Invalid(gettext("A name has 1 to {count} characters.").format(count=MAX_NAME), attr="name")
    colour = colour.strip().lower()
    if colour:
        _check_colour(colour)
    change_academy(name=name, colour=colour)


def _check_colour(colour: str) -> None:
    if not _COLOUR.match(colour):
        raise Invalid(gettext("A colour is written like #24476b."), attr="colour")
    value = int(colour[1:], 16)
    if contrast_with_white(value) < MIN_CONTRAST:
        raise Invalid(
            gettext("White text on this colour cannot be read well. {better} is the nearest that can.").format(
                better=f"#{readable(value):06x}"
            ),
            attr="colour",
        )


def send_logo(*, upload_id: int, by: User) -> Logo:
    """Have a sent picture drawn as the logo; until then the one before stays.

    Raises ``Missing``, ``UploadMissing``, ``UploadUsed``, and ``Invalid`` for what is no picture.
    """
    with transaction.atomic():
        upload = use_upload(upload_id=upload_id, by=by)
        if upload.content_type not in LOGO_TYPES:
            raise Invalid(gettext("A logo is a PNG, JPEG or HEIC picture."), attr="upload")
        logo = Logo(upload=upload, created_by=by)
        logo.save(force_insert=True)
        logo.job_id = int(tasks.draw_logo.enqueue(logo.pk).id)
        logo.save(update_fields=["job"])
    return logo


def remove_logo() -> None:
    """Go without a logo, and stop drawing one that was sent."""
    with transaction.atomic():
        waiting = Logo.objects.filter(logo_key="", job__isnull=False)
        cancel_jobs(Job.objects.filter(pk__in=list(waiting.values_list("job_id", flat=True))))
        change_academy(logo_place="")


def set_sheet_defaults(wanted: SheetDefaults) -> None:
    """Raises ``Invalid`` for what no sheet can be like."""
    for attr, least, most in (
        ("choice_count", MIN_CHOICES, MAX_CHOICES),
        ("number_digits", MIN_NUMBER_DIGITS, MAX_NUMBER_DIGITS),
    ):
        if not least <= getattr(wanted, attr) <= most:
            raise Invalid(gettext("{least} to {most}, please.").format(least=least, most=most), attr=attr)
    change_academy(sheet_defaults=asdict(wanted))


def set_texts(templates: Mapping[TextKind, str]) -> None:
    """The academy's wording of text messages; what is empty or as usual is the product's again. Raises ``Invalid``."""
    texts = {}
    for kind, template in templates.items():
        wording = template.strip()
        if wording and wording != USUAL[kind]:
            check_template(kind, wording)
            texts[kind.value] = wording
    change_academy(texts=texts)
