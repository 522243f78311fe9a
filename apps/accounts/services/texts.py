"""The wording of text messages: the product's, or the academy's own with placeholders in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from django.utils.translation import gettext

from academy.http.errors import Invalid
from academy.tenancy.context import acting_tenant

MAX_BYTES: Final = 90
"""One text message in EUC-KR, in which a Hangul syllable takes two; a longer one costs three times as much."""
NAME_IN_TEXT: Final = 16
"""Characters of the academy's name."""
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")

ACADEMY: Final = "학원"
CODE: Final = "인증번호"
ADDRESS: Final = "주소"
STUDENT: Final = "학생"
HOMEWORK: Final = "숙제"
DUE: Final = "기한"


class TextKind(StrEnum):
    CODE = "code"
    INVITATION = "invitation"
    PHONE_CHANGED = "phone_changed"
    REMINDER = "reminder"


USUAL: Final[Mapping[TextKind, str]] = {
    TextKind.CODE: "[{학원}] 인증번호 {인증번호} 타인에게 알려주지 마세요.",
    TextKind.INVITATION: "[{학원}] 초대되었습니다. 이 번호로 로그인하세요: {주소}",
    TextKind.PHONE_CHANGED: "[{학원}] 로그인 전화번호가 변경되었습니다.",
    TextKind.REMINDER: "[{학원}] {학생} 숙제 미제출: {숙제} ({기한}까지)",
}
# Each stands in the text once: who does not read it does not know whose text it is, or what to do.
PLACEHOLDERS: Final[Mapping[TextKind, tuple[str, ...]]] = {
    TextKind.CODE: (ACADEMY, CODE),
    TextKind.INVITATION: (ACADEMY, ADDRESS),
    TextKind.PHONE_CHANGED: (ACADEMY,),
    TextKind.REMINDER: (ACADEMY, STUDENT, HOMEWORK, DUE),
}


def template_of(kind: TextKind) -> str:
    """The academy's own wording, else the usual one."""
    return acting_tenant().texts.get(kind.value) or USUAL[kind]


def text_of(kind: TextKind, values: Mapping[str, str]) -> str:
    """What is sent to a telephone now. ``values`` by the names of the placeholders, besides the academy's."""
    return filled(template_of(kind), values)


def text_cut(kind: TextKind, values: Mapping[str, str], *, cut: str) -> str:
    """As ``text_of``, with the value named ``cut`` shortened until one text message holds it all.

    Signs that telephones have none for are left out of the values.
    """
    known = {name: value.encode("cp949", "ignore").decode("cp949") for name, value in values.items()}
    while True:
        text = text_of(kind, known)
        if len(text.encode("cp949", "replace")) <= MAX_BYTES or not known[cut]:
            return text
        known[cut] = known[cut][:-1]


def filled(template: str, values: Mapping[str, str]) -> str:
    """``template`` with its placeholders replaced once: what a value holds is never one."""
    every = {ACADEMY: acting_tenant().name[:NAME_IN_TEXT], **values}
    return _PLACEHOLDER.sub(lambda found: every.get(found[1], found[0]), template)


def example_values() -> dict[str, str]:
    """As long as the real ones; a homework's name may be longer, and is cut then."""
    return {
        CODE: "482913",
        ADDRESS: main_host(),
        STUDENT: gettext("{name} and {count} more").format(name="김하나", count=1),
        HOMEWORK: "주말 숙제 3단원",
        DUE: "11/24",
    }


def main_host() -> str:
    """The host that people are sent to."""
    found = acting_tenant().domains.filter(is_primary=True).values_list("domain", flat=True).first()
    return found or ""


def byte_count(text: str) -> int:
    """Of ``text`` in EUC-KR as carriers count it. Raises ``UnicodeEncodeError`` for what it has no sign for."""
    return len(text.encode("cp949"))


def check_template(kind: TextKind, template: str) -> None:
    """Raises ``Invalid`` for a wording that cannot be sent, or that lacks what its reader needs."""
    if not template.isprintable():
        raise _wrong(kind, gettext("Write the message in one line."))
    found = _PLACEHOLDER.findall(template)
    for name in PLACEHOLDERS[kind]:
        if found.count(name) != 1:
            raise _wrong(kind, gettext("{name} has to stand in the message once.").format(name=f"{{{name}}}"))
    for name in found:
        if name not in PLACEHOLDERS[kind]:
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS[kind])
            raise _wrong(
                kind,
                gettext("{name} is not known here. There are: {known}.").format(name=f"{{{name}}}", known=known),
            )
    if set(_PLACEHOLDER.sub("", template)) & set("{}"):
        raise _wrong(
            kind, gettext("A brace is left over. Placeholders look like {name}.").format(name=f"{{{ACADEMY}}}")
        )
    try:
        count = byte_count(filled(template, example_values()))
    except UnicodeEncodeError as error:
        sign = error.object[error.start]
        raise _wrong(
            kind, gettext("Telephones cannot show “{sign}” in a text message. Leave it out.").format(sign=sign)
        ) from error
    if count > MAX_BYTES:
        raise _wrong(
            kind,
            gettext("The message takes {count} bytes; one text holds {most}. Make it shorter.").format(
                count=count, most=MAX_BYTES
            ),
        )


def _wrong(kind: TextKind, message: str) -> Invalid:
    return Invalid(message, attr=kind.value)
