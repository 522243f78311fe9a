"""Whatever the API refuses, it refuses in Korean to a Korean: every text of an error is marked and translated."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache, reduce
from pathlib import Path
from types import ModuleType
from typing import Final

import polib
import pytest
from django.test import RequestFactory
from django.utils import translation
from rest_framework.exceptions import APIException

from academy.http import errors
from academy.http.errors import DomainError, error_response
from academy.http.permissions import SecondFactorDue
from apps.accounts.services.log_in import WrongCredentials

ROOT: Final = Path(__file__).resolve().parents[2]
CATALOGUE: Final = ROOT / "locale" / "ko" / "LC_MESSAGES" / "django.po"
MARKS: Final = ("gettext", "gettext_lazy", "_")
# Texts that Django or REST framework has translated, and what hands on a text that was looked at where it was made.
TRANSLATED_ELSEWHERE: Final = frozenset(
    {
        "' '.join(error.messages)",
        "self.invalid_cursor_message",
        "str(NotAuthenticated.default_detail)",
        "{exc.attr: [exc.message]} if exc.attr else exc.message",
        "message",
        "error.message",
        "str(kind.refusal)",
    }
)


@cache
def sources() -> dict[str, str]:
    """Module name -> source of everything in the kernel and the apps that may answer a person."""
    found = {}
    for folder in ("academy", "apps"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if not {"migrations", "management"} & set(parts) and parts[-1] != "settings":
                found[".".join(parts).removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return found


def marked(source: str) -> Iterator[str]:
    """Every text that is handed to gettext."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _is_mark(node) and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def unmarked(source: str, module: ModuleType) -> list[str]:
    """Texts of errors, as written, that are not handed to gettext."""
    tree, found = ast.parse(source), []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and _is_error(getattr(module, node.name, None)):
            found += [
                text
                for call in ast.walk(node)
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__"
                for text in _texts(call, 0)
            ]
            found += [
                ast.unparse(statement)
                for statement in node.body
                if isinstance(statement, ast.Assign)
                and ast.unparse(statement.targets[0]) == "default_detail"
                and not _is_good(statement.value)
            ]
        elif isinstance(node, ast.Call):
            called = _resolved(node.func, module)
            if called is error_response:
                found += _texts(node, 2)
            elif _is_error(called) and _takes_a_text(called):
                found += _texts(node, 0)
    return found


def _resolved(function: ast.expr, module: ModuleType) -> object:
    if not re.fullmatch(r"[\w.]+", ast.unparse(function)):
        return None
    return reduce(lambda found, name: getattr(found, name, None), ast.unparse(function).split("."), module)  # type: ignore[arg-type, return-value]  # a walk over names


def _is_error(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, (DomainError, APIException))


def _takes_a_text(kind: object) -> bool:
    assert isinstance(kind, type)
    names = [*inspect.signature(kind.__init__).parameters]  # type: ignore[misc]  # of this very class
    return len(names) > 1 and names[1] in ("message", "detail")


def _is_mark(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id in MARKS and bool(node.args)


def _is_good(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        if _is_mark(node):
            return isinstance(node.args[0], ast.Constant)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            return _is_good(node.func.value)
    return ast.unparse(node) in TRANSLATED_ELSEWHERE


def _texts(call: ast.Call, place: int) -> list[str]:
    named = [keyword.value for keyword in call.keywords if keyword.arg in ("detail", "message")]
    given = [*call.args[place : place + 1], *named]
    return [ast.unparse(text) for text in given if _is_text(text) and not _is_good(text)]


def _is_text(node: ast.expr) -> bool:
    return not (isinstance(node, ast.Constant) and not isinstance(node.value, str))


def _every_error(of: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _every_error(kind)


@pytest.mark.parametrize("name", sources())
def test_every_text_of_an_error_is_marked(name: str) -> None:
    module = importlib.import_module(name)
    assert unmarked(sources()[name], module) == []


def test_every_marked_text_is_korean() -> None:
    korean = {entry.msgid: entry.msgstr for entry in polib.pofile(str(CATALOGUE))}
    texts = {text for source in sources().values() for text in marked(source)}
    assert len(texts) > 70
    for text in texts:
        assert re.search("[가-힣]", korean.get(text, "")), f"locale/ko has no {text!r}"
        assert set(re.findall(r"{\w*}", text)) == set(re.findall(r"{\w*}", korean[text])), text


def test_korean_texts_are_polite() -> None:
    for entry in polib.pofile(str(CATALOGUE)):
        if entry.msgctxt == "column" or not entry.msgid.endswith("."):
            continue  # of a table, a label or a button
        korean = entry.msgstr or entry.msgstr_plural[0]
        # a sentence may end before a colon, after which stands what somebody else says
        ends = [part.rstrip(". ") for part in (korean, korean.split(":")[0])]
        assert any(end.endswith(("니다", "세요")) for end in ends), korean


def test_every_domain_error_is_one_of_the_walk() -> None:
    """An error of a module that the walk does not open would be looked at by nobody."""
    for name in sources():
        importlib.import_module(name)
    made = {kind for kind in _every_error() if kind.__module__.split(".")[0] in ("academy", "apps")}
    assert len(made) > 15
    assert {kind.__module__ for kind in made} <= set(sources())


def test_the_walk_notices_what_is_not_marked() -> None:
    module = importlib.import_module("apps.accounts.services.people")
    for source, expected in {
        'raise Invalid("Plain.", attr="x")': ["'Plain.'"],
        'raise Invalid(f"Made {up}.")': ["f'Made {up}.'"],
        'raise Invalid("Made {up}.".format(up=1))': ["'Made {up}.'.format(up=1)"],
        'raise Invalid(gettext(f"Made {up}."))': ["gettext(f'Made {up}.')"],
        'raise Invalid(gettext("Good."))': [],
        'raise Invalid(gettext("Good {n}.").format(n=1))': [],
        'raise ValueError("not for people")': [],
        'class LastOwner:\n    def __init__(self):\n        super().__init__("Plain.")': ["'Plain.'"],
        'class LastOwner:\n    default_detail = "Plain."': ["default_detail = 'Plain.'"],
    }.items():
        assert unmarked(source, module) == expected
    assert unmarked('error_response(404, "code", "Plain.")', errors) == ["'Plain.'"]


def test_a_text_is_in_the_language_of_the_request() -> None:
    request = RequestFactory().get("/")
    for language, shown in [("ko", "전화번호 또는"), ("en", "The phone number")]:
        with translation.override(language):
            assert WrongCredentials().message.startswith(shown)
            assert str(SecondFactorDue().detail).startswith("먼저" if language == "ko" else "Confirm")
            told = json.loads(errors.server_error(request).content)["errors"][0]["detail"]
            assert told.startswith("시스템" if language == "ko" else "Something")
