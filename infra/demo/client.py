"""A member of staff at their academy's host, as a browser would be: cookies, CSRF token, presigned form uploads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

POLL_SECONDS = 0.3


class UnexpectedAnswer(RuntimeError):
    """The API answered otherwise than it must; the message holds the request, the status and the body."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to hand in."""

    name: str
    content_type: str
    data: bytes


class StaffClient:
    """Talks to one academy. ``submit_seconds`` collects how long each submit request took, the upload not counted."""

    def __init__(self, port: int, host: str) -> None:
        self.host = host
        self.submit_seconds: list[float] = []
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1", headers={"Host": f"{host}:{port}"}, timeout=30.0
        )
        self._storage = httpx.Client(timeout=60.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        self._storage.close()

    def log_in(self, phone: str, password: str) -> None:
        self._take_token(self.get("/session"))
        self._take_token(self.post("/session", {"phone": phone, "password": password}))

    def get(self, path: str, *, expect: int = 200) -> Any:
        return self._checked(self._http.get(path), expect).json()

    def get_bytes(self, path: str) -> bytes:
        return self._checked(self._http.get(path), 200).content

    def post(self, path: str, body: Any, *, expect: int = 201) -> Any:
        return self._checked(self._http.post(path, json=body), expect).json()

    def put(self, path: str, body: Any) -> Any:
        return self._checked(self._http.put(path, json=body), 200).json()

    def patch(self, path: str, body: Any) -> Any:
        return self._checked(self._http.patch(path, json=body), 200).json()

    def status_of(self, path: str, *, host: str | None = None) -> int:
        """The bare status of a GET, with this person's cookies, at this or another academy's host."""
        if host is None:
            return self._http.get(path).status_code
        # A client of its own: the other host's answer may delete the cookies.
        url = str(self._http.base_url).rstrip("/") + path
        return httpx.get(url, headers={"Host": host}, cookies=dict(self._http.cookies)).status_code

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[str]]:
        """The lines of a stream of events, as they come."""
        with self._http.stream("GET", path) as answer:
            if answer.status_code != 200:
                answer.read()
            self._checked(answer, 200)
            yield answer.iter_lines()

    def upload(self, file: File) -> int:
        """Send a file straight to storage, a film in parts; returns the upload's id."""
        if file.content_type.startswith("video/"):
            return self._upload_in_parts(file)
        form = self.post("/uploads", {"file_name": file.name, "content_type": file.content_type})
        answer = self._storage.post(form["url"], data=form["fields"], files={"file": (file.name, file.data)})
        self._check_storage(answer)
        return int(form["id"])

    def _upload_in_parts(self, file: File) -> int:
        asked = {"file_name": file.name, "content_type": file.content_type, "byte_count": len(file.data)}
        film = self.post("/multipart-uploads", asked)
        path, size = f"/multipart-uploads/{film['id']}", film["part_bytes"]
        for number in range(1, film["part_count"] + 1):
            [part] = self.post(f"{path}/parts", {"numbers": [number]}, expect=200)
            self._check_storage(self._storage.put(part["url"], content=file.data[(number - 1) * size : number * size]))
        self.post(f"{path}/complete", None, expect=200)
        return int(film["id"])

    @staticmethod
    def _check_storage(answer: httpx.Response) -> None:
        if answer.status_code not in (200, 201, 204):
            raise UnexpectedAnswer(f"storage answered {answer.status_code}: {answer.text[:300]}")

    def hand_in(self, exam_id: int, file: File) -> int:
        """Send a file and submit it; returns the batch's id."""
        upload_id = self.upload(file)
        begun = time.perf_counter()
        batch = self.post(f"/exams/{exam_id}/scans", {"upload": upload_id}, expect=202)
        self.submit_seconds.append(time.perf_counter() - begun)
        return int(batch["id"])

    def scans(self, exam_id: int) -> list[Any]:
        """Every scan of an exam, over all pages of the list."""
        found: list[Any] = []
        path: str | None = f"/exams/{exam_id}/scans?page_size=200"
        while path:
            page = self.get(path)
            found += page["results"]
            path = page["next"].split("/api/v1", 1)[1] if page["next"] else None
        return found

    def picture(self, url: str) -> bytes:
        return self._storage.get(url).raise_for_status().content

    def _take_token(self, session: Any) -> None:
        self._http.headers["X-CSRFToken"] = session["csrf_token"]

    def _checked(self, answer: httpx.Response, expect: int) -> httpx.Response:
        if answer.status_code != expect:
            request = answer.request
            raise UnexpectedAnswer(
                f"{request.method} {request.url.path} at {self.host}: {answer.status_code}, not {expect}:"
                f" {answer.text[:500]}"
            )
        return answer
