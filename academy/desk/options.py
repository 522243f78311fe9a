"""Lists and their pages: what a ``ModelAdmin`` is on the desk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from django.contrib.admin.views.main import ERROR_FLAG
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from academy.desk.exporting import export_list
from academy.desk.pages import DECLARED, Page, View
from academy.desk.searching import matching
from academy.desk.site import MenuEntry
from academy.http.disclosures import NOT_PERSONAL, Personal, about, note_subjects

AFTER: Final = "after"
"""The parameter that says where a page of a list begins."""
ROWS_PER_PAGE: Final = 50


class KeysetChangeList(ChangeList):  # type: ignore[misc]  # unfold ships no types
    """A list by one unique column. A page costs the same wherever it is, and nothing is counted.

    Of a search, it is found out first which rows are on the page, and only those are joined to what the columns show.
    """

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = super().get_filters_params(params)
        found.pop(AFTER, None)
        return found

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str]:  # noqa: ARG002
        return [self.model_admin.keyset]

    def joined(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows that the person sees, with what the columns show."""
        rows: QuerySet[Any] = self.model_admin.get_queryset(request)
        return rows.select_related(*self.list_select_related) if self.list_select_related else rows

    def get_results(self, request: HttpRequest) -> None:
        keyset = self.model_admin.keyset
        column, is_descending = keyset.lstrip("-"), keyset.startswith("-")
        rows = self.queryset
        after = request.GET.get(AFTER, "")
        if after and _fits(self.model, column, after):
            rows = rows.filter(**{f"{column}__{'lt' if is_descending else 'gt'}": after})
        page = rows[: self.list_per_page + 1]
        if self.query:
            page = self.joined(request).filter(pk__in=page.select_related(None).values("pk")).order_by(keyset)
        found = list(page)
        self.result_list = found[: self.list_per_page]
        self.result_count, self.full_result_count = len(self.result_list), None
        self.show_full_result_count = False
        self.show_admin_actions = False
        self.can_show_all, self.multi_page = False, len(found) > self.list_per_page
        self.is_continued = bool(after)
        self.next_url = ""
        if self.multi_page:
            self.next_url = self.get_query_string({AFTER: getattr(self.result_list[-1], column)})
        self.first_url = self.get_query_string(remove=[AFTER])
        self.model_admin.prepare(self.result_list)
        self.model_admin.note(request, self.result_list)
        self.paginator = self.model_admin.get_paginator(request, self.result_list, self.list_per_page)


class WholeList(KeysetChangeList):
    """All rows that the filters and the search leave, for a file: no page of them is asked for."""

    def get_results(self, request: HttpRequest) -> None:  # noqa: ARG002
        self.result_list, self.result_count, self.full_result_count = [], 0, None
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False


def _fits(model: type[Model], column: str, text: str) -> bool:
    """Whether ``text`` can stand in the column: what people wrote into the address is left out otherwise."""
    if "\x00" in text:
        return False
    field = model._meta.pk if column == "pk" else model._meta.get_field(column)
    assert isinstance(field, Field)
    if field.get_internal_type() in ("BigAutoField", "AutoField"):
        return text.isascii() and text.isdigit() and len(text) < 19
    return len(text) <= 200


class DeskAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """A list of rows, the page of one of them, and the page that makes one; further pages by ``@page``.

    ``name``, ``plural`` and ``field_names`` are the words that people have for it. ``permissions`` names what each of
    "view", "add" and "change" needs; what it does not name nobody may. There is no deleting, no editing in the list,
    no pop-up and no history: what changes a row is a page that calls a service. ``add`` and ``detail`` are overridden
    where there is something to add or to look at. ``visible_to`` says which rows somebody sees; others are missing.

    A list whose ``permissions`` name "export" can be saved as a file: ``export_header`` and ``export_rows`` say what is
    in it. ``links`` are further pages to which the list leads. ``is_live_list``: the list keeps itself up to date.
    ``found_by`` are columns of its own that the search over all lists looks into, the first being the title of what it
    finds; ``found_beside`` is the path of what stands beside that.

    ``personal`` says of "list", "detail" and "add" whose data they are about. ``listed`` are the kind of person and
    the column with their id in a list whose every row is noted.
    """

    permissions: ClassVar[Mapping[str, str]] = {}
    personal: ClassVar[Mapping[str, Personal]] = {}
    listed: ClassVar[tuple[str, str] | None] = None
    name: ClassVar[Any] = ""
    plural: ClassVar[Any] = ""
    field_names: ClassVar[Mapping[str, Any]] = {}
    entry: ClassVar[MenuEntry | None] = None
    keyset: ClassVar[str] = "-pk"
    add_title: ClassVar[Any] = ""
    add_methods: ClassVar[Sequence[str]] = ("GET", "POST")
    list_subtitle: ClassVar[Any] = ""
    is_live_list: ClassVar[bool] = False
    export_header: ClassVar[Sequence[Any]] = ()
    found_by: ClassVar[Sequence[str]] = ()
    found_beside: ClassVar[str] = ""

    actions: ClassVar[Sequence[Any]] = ()
    actions_on_top = False
    list_per_page = ROWS_PER_PAGE
    show_full_result_count = False
    sortable_by: ClassVar[Sequence[str]] = ()
    list_filter_submit = False
    list_filter_sheet = False

    def __init__(self, model: type[Model], admin_site: Any) -> None:
        super().__init__(model, admin_site)
        # Here and not in the models' Meta: there, every word that is put better would be a migration.
        self.opts.verbose_name, self.opts.verbose_name_plural = self.name, self.plural
        for field, words in self.field_names.items():
            self.opts.get_field(field).verbose_name = words

    # ---------------------------------------------------------------- permissions

    def _may(self, request: HttpRequest, action: str) -> bool:
        user: Any = request.user
        needed = self.permissions.get(action)
        return needed is not None and user.is_authenticated and bool(user.may(needed))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "view")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return self._may(request, "view")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return self._may(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    # ---------------------------------------------------------------- pages

    def url(self, name: str, *args: object) -> str:
        """The address of a page of this model: ``changelist``, ``add``, ``change``, or a name given to ``@page``."""
        url_name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}"
        return reverse(url_name, args=args, current_app=self.admin_site.name)

    def desk_pages(self) -> list[Page]:
        """The pages of this model. A method that ``permissions`` does not name is none."""
        base = f"{self.opts.app_label}_{self.opts.model_name}"
        pages = [
            replace(declared, name=f"{base}_{declared.name}", view=getattr(self, attribute))
            for attribute in dir(type(self))
            if (declared := getattr(getattr(type(self), attribute), DECLARED, None)) is not None
        ]

        def add_page(path: str, name: str, view: View, methods: Mapping[str, str], part: str) -> None:
            personal = dict.fromkeys(methods, self.personal[part]) if part in self.personal else {}
            pages.append(Page(path, f"{base}_{name}", view, methods, personal))

        if "view" in self.permissions:
            view = self.permissions["view"]
            add_page("", "changelist", self.changelist_view, {"GET": view}, "list")
            if type(self).detail is not DeskAdmin.detail:
                methods = {"GET": view}
                if "change" in self.permissions:
                    methods["POST"] = self.permissions["change"]
                add_page("<int:object_id>/", "change", self.detail, methods, "detail")
        if "add" in self.permissions:
            add = self.permissions["add"]
            add_page("add/", "add", self.add, dict.fromkeys(self.add_methods, add), "add")
        if "export" in self.permissions:
            methods = dict.fromkeys(("GET", "POST"), self.permissions["export"])
            personal = {"GET": NOT_PERSONAL, "POST": about(is_export=True)}  # notes the rows by itself
            pages.append(Page("export/", f"{base}_export", self.export, methods, personal))
        return pages

    def visible_to(self, person: Any) -> QuerySet[Any]:
        """The rows that ``person`` may know of. Every list says it for itself."""
        raise NotImplementedError

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.visible_to(request.user)

    def rows_with(self, rows: QuerySet[Any], fields: Sequence[str], text: str) -> QuerySet[Any]:
        """Of ``rows``, those with every word of ``text`` in one of ``fields``."""
        return matching(rows, fields, text)

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        return self.rows_with(queryset, self.search_fields, search_term), False

    def shown_beside(self, text: str) -> str:
        """The words for what is in ``found_beside``."""
        return text

    def note(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Tell the trail whom these rows of the list show."""
        if self.listed is not None:
            kind, column = self.listed
            ids = [getattr(row, column) for row in rows]
            note_subjects(request, kind, [pk for pk in ids if pk is not None])

    def links(self, request: HttpRequest) -> list[tuple[Any, str, str]]:
        """Pages beside the list: words, icon, address. With what the address says of filters and search."""
        query = request.META.get("QUERY_STRING", "")
        address = self.url("export") + (f"?{query}" if query else "") if self._may(request, "export") else ""
        return [(_("Save as a file"), "download", address)] if address else []

    def export(self, request: HttpRequest) -> HttpResponse:
        """The list as a file."""
        return export_list(self, request)

    def export_rows(self, rows: Sequence[Any]) -> Iterable[Sequence[object]]:
        """The cells of each row, under ``export_header``. Whoever permits "export" overrides this."""
        raise NotImplementedError

    def prepare(self, rows: Sequence[Any]) -> None:
        """Ask at once, for all rows of a page of the list, what the columns show besides the rows' own."""

    def add(self, request: HttpRequest) -> HttpResponse:
        """The page that makes a row. Whoever permits "add" overrides this."""
        raise NotImplementedError

    def detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The page of one row. Raises ``Missing``."""
        raise NotImplementedError

    def render(
        self, request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
    ) -> HttpResponse:
        """A page below this model's list, in the frame of the site."""
        above = [(self.opts.verbose_name_plural, self.url("changelist"))] if self._may(request, "view") else []
        shown = {"crumbs": above, **(context or {})}
        response: HttpResponse = self.admin_site.render(request, template, shown, status=status)
        return response

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = {
            "title": str(self.opts.verbose_name_plural),
            "opts_add_url": self.url("add") if self._may(request, "add") else "",
            "add_title": self.add_title,
            "list_subtitle": self.list_subtitle,
            "list_links": self.links(request),
            "is_live": self.is_live_list,
            "has_error": ERROR_FLAG in request.GET,
            **(extra_context or {}),
        }
        response: HttpResponse = super().changelist_view(request, shown)
        return response

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:  # noqa: ARG002
        is_file = "export" in self.permissions and request.path == self.url("export")
        return WholeList if is_file else KeysetChangeList

    def get_list_display_links(self, request: HttpRequest, list_display: Sequence[Any]) -> Sequence[Any] | None:
        if type(self).detail is DeskAdmin.detail:
            return None
        links: Sequence[Any] = super().get_list_display_links(request, list_display)
        return links
