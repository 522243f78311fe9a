"""The job: the file to the sandbox as a file, pictures to S3, rows and SUCCEEDED in one transaction; safe twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from academy.jobs.compute import ComputeRefused
from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.accounts.roles import Role
from apps.videos.models import Video, VideoPage
from apps.videos.tasks import FIND_SECONDS, MAX_PAGES
from tests.db.kernel import FakeSandbox, deliver, job_id_of, keep_connection
from tests.factories import Cast, World, make_video

pytestmark = pytest.mark.usefixtures("aws")
FILM = b"moving pictures " * 1000


@pytest.fixture
def hana(world: World, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    return world.hana


@pytest.fixture
def video(hana: Cast) -> Video:
    with hana.acting():
        made = make_video(hana.teacher)
        s3.write_object(made.upload.key, FILM, content_type="video/mp4")
    return made


def answer_with(count: int, mark: bytes = b"") -> dict[str, Any]:
    pages = [
        {
            "at": 2.0 * number,
            "stays": [[2.0 * number - 1, 2.0 * number]],
            "jpeg": b"\xff\xd8 page %d " % number + mark,
            "thumbnail_jpeg": b"\xff\xd8 small %d" % number,
            "width": 900,
            "height": 1200,
            "is_straightened": number == 1,
        }
        for number in range(1, count + 1)
    ]
    facts = {"seconds": 31.5, "width": 1920, "height": 1080, "codec": "h264"}
    return {"pages": pages, **facts, "is_truncated": False, "is_timed_out": True, "is_cut_off": False}


def state_of(hana: Cast, video: Video) -> tuple[str, str]:
    with hana.acting():
        job = Job.objects.get(pk=job_id_of(video))
    return job.state, job.error_code


def test_the_sandbox_gets_the_film_as_a_file_and_nothing_else(hana: Cast, video: Video) -> None:
    seen: list[bytes] = []

    def look(_: str, path: str, *__: object) -> dict[str, Any]:
        seen.append(Path(path).read_bytes())
        return answer_with(1)

    sandbox = FakeSandbox(look)
    deliver(hana.tenant, video.job_id, sandbox)
    assert seen == [FILM]
    ((function, arguments),) = sandbox.calls
    assert function == "workers.compute:find_pages"
    assert arguments[1:] == (MAX_PAGES, FIND_SECONDS)
    assert not Path(arguments[0]).exists()


def test_pages_and_facts_are_recorded_with_success(hana: Cast, video: Video) -> None:
    deliver(hana.tenant, video.job_id, FakeSandbox(lambda *_: answer_with(2)))
    assert state_of(hana, video) == (JobState.SUCCEEDED, "")
    with hana.acting():
        after = Video.objects.get(pk=video.pk)
        pages = list(after.pages.order_by("position"))
        assert (after.page_count, after.seconds, after.width, after.height, after.codec) == (
            2,
            31.5,
            1920,
            1080,
            "h264",
        )
        assert (after.is_truncated, after.is_timed_out, after.is_cut_off) == (False, True, False)
        assert [(page.position, page.at_seconds, page.is_straightened) for page in pages] == [
            (1, 2.0, True),
            (2, 4.0, False),
        ]
        assert s3.read_object(pages[1].picture_key, max_bytes=1000) == b"\xff\xd8 page 2 "
        assert s3.read_object(pages[1].thumbnail_key, max_bytes=1000) == b"\xff\xd8 small 2"
        assert pages[1].picture_key == f"t/{hana.tenant.pk}/video-pages/{video.pk}/1-2.jpg"


def test_a_second_run_replaces_the_pages_of_the_first(hana: Cast, video: Video) -> None:
    deliver(hana.tenant, video.job_id, FakeSandbox(lambda *_: answer_with(3)))
    deliver(hana.tenant, video.job_id, FakeSandbox(lambda *_: answer_with(5)))
    with hana.acting():
        assert VideoPage.objects.filter(video=video).count() == 3, "a finished job is not run again"
        Job.objects.filter(pk=job_id_of(video)).update(state=JobState.QUEUED)
    deliver(hana.tenant, video.job_id, FakeSandbox(lambda *_: answer_with(2, b"again")))
    with hana.acting():
        pages = VideoPage.objects.filter(video=video).order_by("position")
        assert [page.picture_key.rpartition("/")[2] for page in pages] == ["2-1.jpg", "2-2.jpg"]


def test_no_more_pages_are_kept_than_were_asked_for(hana: Cast, video: Video) -> None:
    deliver(hana.tenant, video.job_id, FakeSandbox(lambda *_: answer_with(MAX_PAGES + 5)))
    with hana.acting():
        assert VideoPage.objects.filter(video=video).count() == MAX_PAGES


def test_what_the_recogniser_refuses_is_final_and_leaves_no_page(hana: Cast, video: Video) -> None:
    def refuse(*_: object) -> None:
        raise ComputeRefused("workers.media.errors.BrokenMedia", "damaged_video", "The video is damaged.")

    deliver(hana.tenant, video.job_id, FakeSandbox(refuse))
    assert state_of(hana, video) == (JobState.FAILED, "damaged_video")
    with hana.acting():
        assert not VideoPage.objects.filter(video=video).exists()


def test_a_file_that_is_gone_and_a_video_that_is_gone_are_said(hana: Cast, video: Video) -> None:
    with hana.acting():
        lost = make_video(hana.users[Role.STUDENT])
        deleted = make_video(hana.users[Role.STUDENT])
        Video.objects.filter(pk=deleted.pk).delete()
    for one, code in ((lost, "file_lost"), (deleted, "video_deleted")):
        deliver(hana.tenant, one.job_id, FakeSandbox())
        assert state_of(hana, one) == (JobState.FAILED, code)


def test_a_file_that_takes_too_long_to_fetch_is_given_up(
    hana: Cast, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    from academy.jobs import context

    monkeypatch.setattr(context.JobContext, "step", lambda job: setattr(job, "_deadline", 0.0))
    sandbox = FakeSandbox(lambda *_: answer_with(1))
    deliver(hana.tenant, video.job_id, sandbox)
    assert sandbox.calls == []
    assert state_of(hana, video) == (JobState.QUEUED, "took_too_long")


def test_objects_come_in_pieces_and_not_beyond_the_limit(hana: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "CHUNK_BYTES", 1000)
    with hana.acting():
        key = s3.tenant_key("uploads", "pieces")
        s3.write_object(key, FILM, content_type="video/mp4")
        pieces = list(s3.read_chunks(key, max_bytes=len(FILM)))
        assert b"".join(pieces) == FILM
        assert max(map(len, pieces)) <= 1000
        with pytest.raises(ValueError, match="at most"):
            list(s3.read_chunks(key, max_bytes=len(FILM) - 1))
        with pytest.raises(s3.ObjectMissing):
            list(s3.read_chunks(s3.tenant_key("uploads", "nothing"), max_bytes=10))
