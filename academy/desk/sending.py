"""Forms whose files the browser sends to storage first: which kinds are taken, and what becomes of what was sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from academy.desk.pages import show_error
from academy.http.disclosures import note_status
from academy.http.errors import DomainError, Invalid, Missing

if TYPE_CHECKING:
    from academy.desk.options import DeskAdmin


@dataclass(frozen=True, slots=True)
class FileKinds:
    """What a form takes: for the browser's chooser, the endings that ``desk.js`` knows, and what is said of others."""

    accept: str
    endings: str
    refusal: Any
    is_in_parts: bool = False


PAGES: Final = FileKinds(
    ".jpg,.jpeg,.png,.heic,.heif,.pdf,image/jpeg,image/png,image/heic,application/pdf",
    "jpg jpeg png heic heif pdf",
    _("Only JPEG, PNG, HEIC and PDF files can be read."),
)
FILMS: Final = FileKinds(
    ".mp4,.m4v,.mov,.webm,video/mp4,video/quicktime,video/webm",
    "mp4 m4v mov webm",
    _("Only MP4, MOV and WebM files can be read."),
    is_in_parts=True,
)


def at_files(error: DomainError) -> DomainError:
    """A service names its own arguments; on such a form all files are the one field ``uploads``."""
    return Invalid(error.message, attr="uploads")


def send_first(
    admin: DeskAdmin,
    request: HttpRequest,
    form: Form,
    take: Callable[[dict[str, Any]], str],
    kinds: FileKinds,
    place: Callable[[DomainError], DomainError] = at_files,
    **shown: Any,
) -> HttpResponse:
    """The form, which has a field ``uploads`` of ``SentFiles``; once it is sent, where ``take`` says.

    ``take`` hands what the form says to a service and gives the address to go to; ``place`` says at which field a
    refusal belongs. ``shown`` are the page's words: title, submit, lead, drop.
    """
    if request.method == "POST" and form.is_valid():
        try:
            return HttpResponseRedirect(take(form.cleaned_data))
        except Missing:
            form.add_error("uploads", gettext("The files did not arrive. Choose them again."))
            note_status(request, 404)
        except DomainError as error:
            show_error(request, form, place(error))
    context = {
        "form": form,
        "back": shown.get("back") or admin.url("changelist"),
        "accept": kinds.accept,
        "kinds": kinds.endings,
        "wrong_kind": kinds.refusal,
        **_ways(kinds),
        **shown,
    }
    return admin.render(request, "desk/send_first.html", context)


def _ways(kinds: FileKinds) -> dict[str, Any]:
    """Where the page asks for permission to send, and the scripts that it needs for it."""
    if not kinds.is_in_parts:
        return {"uploads_url": reverse("uploads")}
    scripts = [static("desk/desk.js"), static("desk/multipart.js")]
    return {"uploads_url": reverse("multipart-uploads"), "is_in_parts": True, "scripts": scripts}
