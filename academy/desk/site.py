"""The two sites, with the same machinery and nothing in common: neither knows a page or a permission of the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from academy.desk.brand import style_of
from academy.desk.pages import Page, View, guarded
from academy.http.disclosures import NOT_PERSONAL, about
from academy.http.permissions import PUBLIC
from academy.tenancy.context import acting_tenant
from academy.tenancy.models import Tenant


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """A line of the menu, for those who have ``permission``; entries of one ``group`` stand together, by ``order``."""

    group: str | Promise
    title: str | Promise
    icon: str
    url_name: str
    permission: str
    order: int
    query: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the home page, for those who have ``permission``: ``context`` asks for what ``template`` shows."""

    template: str
    permission: str
    context: Callable[[HttpRequest], Mapping[str, Any]]
    order: int


class Desk(UnfoldAdminSite):  # type: ignore[misc]  # unfold ships no types
    """An admin site for people who have the permission ``entry``.

    Of Django's own pages it has the lists (``academy.desk.options``) and what their scripts need. The others are left
    out: log-in and passwords are those of ``apps.accounts``, and Django's log of changes has no tenant.
    """

    enable_nav_sidebar = True

    def __init__(self, name: str, *, entry: str, symbol: str, is_branded: bool) -> None:
        super().__init__(name)
        self.entry, self.symbol, self.is_branded = entry, symbol, is_branded
        self.pages: list[Page] = []
        self.menu: list[MenuEntry] = []
        self.blocks: list[Block] = []

    def add_page(self, page: Page) -> None:
        self.pages.append(page)

    def guarded(self, page: Page) -> View:
        """The view of ``page`` behind the door of this site."""

        def log_in_url(request: HttpRequest) -> str:
            url = reverse("admin:login", current_app=self.name)
            return url if request.method != "GET" else f"{url}?{urlencode({'next': request.get_full_path()})}"

        return guarded(page, entry=self.entry, log_in_url=log_in_url)

    def get_urls(self) -> list[URLPattern]:
        own = [
            Page("", "index", self.index, {"GET": self.entry}, {"GET": about()}),  # its blocks note whom they show
            Page("jsi18n/", "jsi18n", self.i18n_javascript, {"GET": PUBLIC}, {"GET": NOT_PERSONAL}),
            *self.pages,
        ]
        urls = [path(page.path, self.guarded(page), name=page.name, kwargs={}) for page in own]
        for model, admin in self._registry.items():
            prefix = f"{model._meta.app_label}/{model._meta.model_name}/"
            urls += [path(prefix + page.path, self.guarded(page), name=page.name) for page in admin.desk_pages()]
        return urls

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.is_authenticated and user.may(self.entry) and not user.second_factor_due(request.session))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:  # noqa: ARG002
        """None: the menu is made by ``get_sidebar_list``, and there are no pages by app."""
        return []

    def entries(self) -> list[MenuEntry]:
        """The menu with what the lists of this site add to it."""
        return sorted([*self.menu, *(admin.entry for admin in self._registry.values() if admin.entry)], key=_order)

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        groups: dict[str, list[dict[str, Any]]] = {}
        user: Any = request.user
        exact = {reverse(f"admin:{entry.url_name}", current_app=self.name) for entry in self.entries()}
        for entry in self.entries():
            if user.may(entry.permission):
                link = reverse(f"admin:{entry.url_name}", current_app=self.name)
                item = {
                    "title": entry.title,
                    "icon": entry.icon,
                    "link": link + entry.query,
                    "active": _is_active(request, link, entry.query, is_listed=request.path in exact),
                    "has_permission": True,
                }
                groups.setdefault(str(entry.group), []).append(item)
        return [{"title": title, "items": items} for title, items in groups.items()]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        tenant = acting_tenant()
        context: dict[str, Any] = super().each_context(request)
        context.update(
            site_title=tenant.name,
            site_header=tenant.name,
            site_symbol=self.symbol,
            search_url=self._search_url(),
            site_url=None,
            theme="light",
            colors=None,  # they are in desk.css: as unfold writes them they would need a style element in the page
            person=request.user,
            brand_style=style_of(tenant.colour) if self.is_branded else "",
            logo_url=tenant.picture_url("logo"),
            site_favicons=[_favicon(tenant)],
            styles=[static("desk/desk.css")],
            scripts=[static("desk/desk.js")],
            current_language=getattr(request, "LANGUAGE_CODE", ""),
        )
        return context

    def _search_url(self) -> str:
        """Where everything is searched, "" for a site without."""
        has_search = any(page.name == "search" for page in self.pages)
        return reverse("admin:search", current_app=self.name) if has_search else ""

    def render(
        self, request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
    ) -> HttpResponse:
        """A page inside the frame of this site. ``crumbs``: (title, URL name or ``None``) of what stands above it."""
        request.current_app = self.name  # what {% url "admin:..." %} goes by
        return TemplateResponse(request, template, {**self.each_context(request), **(context or {})}, status=status)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        user: Any = request.user
        shown = [block for block in sorted(self.blocks, key=lambda block: block.order) if user.may(block.permission)]
        blocks = [{"template": block.template, "block": block.context(request)} for block in shown]
        return self.render(request, "desk/home.html", {"title": _("Today"), "blocks": blocks, "is_home": True})


def _favicon(tenant: Tenant) -> dict[str, str]:
    own = tenant.picture_url("icon")
    if own:
        return {"rel": "icon", "type": "image/png", "href": own}
    return {"rel": "icon", "type": "image/svg+xml", "href": static("desk/icon.svg")}


def _order(entry: MenuEntry) -> int:
    return entry.order


def _is_active(request: HttpRequest, link: str, query: str, *, is_listed: bool) -> bool:
    """Whether the page is the one that the entry leads to, or below it and no entry's own (``is_listed``)."""
    if request.path == link:
        return f"?{request.META.get('QUERY_STRING', '')}".rstrip("?") == query if query else True
    return not query and not is_listed and link.count("/") > 2 and request.path.startswith(link)


academy_desk: Final = Desk("desk", entry="desk.use", symbol="school", is_branded=True)
platform_desk: Final = Desk("platform", entry="platform.operate", symbol="shield_person", is_branded=False)

for _site in (academy_desk, platform_desk):
    _site.menu.append(MenuEntry("", _("Today"), "home", "index", _site.entry, 0))
