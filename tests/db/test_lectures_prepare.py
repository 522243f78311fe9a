"""The job: the file to the sandbox, the film and its pictures to S3, facts and SUCCEEDED in one transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from academy.jobs.compute import ComputeRefused
from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.lectures.models import Lecture
from apps.lectures.tasks import WRITE_SECONDS
from tests.db.kernel import FakeSandbox, deliver, job_id_of, keep_connection
from tests.factories import Cast, World, make_lecture

pytestmark = pytest.mark.usefixtures("aws")
FILM = b"moving pictures " * 1000
WRITTEN = b"streamable " * 500


@pytest.fixture
def hana(world: World, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    return world.hana


@pytest.fixture
def lecture(hana: Cast) -> Lecture:
    with hana.acting():
        made = make_lecture(hana.course, created_by=hana.teacher, is_ready=False)
        s3.write_object(made.upload.key, FILM, content_type="video/mp4")
    return made


def answer() -> dict[str, Any]:
    board = {"every_seconds": 5.0, "columns": 10, "count": 20, "tile_width": 160, "tile_height": 90}
    facts = {"seconds": 99.5, "width": 1920, "height": 1080, "codec": "hevc", "has_sound": False}
    flags = {"is_copied": False, "is_cut_off": True, "is_timed_out": False}
    pictures = {"poster_jpeg": b"\xff\xd8 poster", "storyboard_jpeg": b"\xff\xd8 board"}
    return {"file": "lecture.mp4", **facts, **flags, **pictures, "storyboard": board}


def sandbox_with(written: bytes, see: list[bytes] | None = None) -> FakeSandbox:
    def look(_: str, path: str, *__: object) -> dict[str, Any]:
        if see is not None:
            see.append(Path(path).read_bytes())
        return answer()

    sandbox = FakeSandbox(look)
    sandbox.outputs["lecture.mp4"] = written
    return sandbox


def state_of(hana: Cast, lecture: Lecture) -> tuple[str, str]:
    with hana.acting():
        job = Job.objects.get(pk=job_id_of(lecture))
    return job.state, job.error_code


def test_film_pictures_and_facts_are_kept_with_success(hana: Cast, lecture: Lecture) -> None:
    seen: list[bytes] = []
    sandbox = sandbox_with(WRITTEN, seen)
    deliver(hana.tenant, lecture.job_id, sandbox)
    assert state_of(hana, lecture) == (JobState.SUCCEEDED, "")
    assert seen == [FILM]
    ((function, arguments),) = sandbox.calls
    assert (function, arguments[1:]) == ("workers.compute:prepare_lecture", (WRITE_SECONDS,))
    with hana.acting():
        after = Lecture.objects.get(pk=lecture.pk)
        assert (after.seconds, after.codec, after.has_sound, after.is_cut_off) == (99.5, "hevc", False, True)
        assert after.byte_count == len(WRITTEN)
        assert after.published_at is None, "a person publishes it"
        assert after.video_key == f"t/{hana.tenant.pk}/lectures/{lecture.pk}/1-video.mp4"
        assert s3.read_object(after.video_key, max_bytes=10_000) == WRITTEN
        assert s3.read_object(after.poster_key, max_bytes=1000) == b"\xff\xd8 poster"
        assert s3.read_object(after.storyboard_key, max_bytes=1000) == b"\xff\xd8 board"
        assert after.storyboard == answer()["storyboard"]


def test_made_ready_again_the_new_film_counts(hana: Cast, lecture: Lecture) -> None:
    deliver(hana.tenant, lecture.job_id, sandbox_with(WRITTEN))
    with hana.acting():
        Job.objects.filter(pk=job_id_of(lecture)).update(state=JobState.QUEUED)
    deliver(hana.tenant, lecture.job_id, sandbox_with(b"better"))
    with hana.acting():
        after = Lecture.objects.get(pk=lecture.pk)
        assert after.video_key.endswith("/2-video.mp4")
        assert s3.read_object(after.video_key, max_bytes=1000) == b"better"


def test_what_cannot_be_played_is_refused_for_good(hana: Cast, lecture: Lecture) -> None:
    def refuse(*_: object) -> None:
        raise ComputeRefused("workers.media.errors.BrokenMedia", "damaged_video", "The video is damaged.")

    deliver(hana.tenant, lecture.job_id, FakeSandbox(refuse))
    assert state_of(hana, lecture) == (JobState.FAILED, "damaged_video")
    with hana.acting():
        assert not Lecture.objects.get(pk=lecture.pk).is_ready


def test_a_file_and_a_lecture_that_are_gone_are_said(hana: Cast) -> None:
    with hana.acting():
        lost = make_lecture(hana.course, created_by=hana.teacher, is_ready=False)
        deleted = make_lecture(hana.course, created_by=hana.teacher, is_ready=False)
        Lecture.objects.filter(pk=deleted.pk).delete()
    for one, code in ((lost, "file_lost"), (deleted, "lecture_deleted")):
        deliver(hana.tenant, one.job_id, FakeSandbox())
        assert state_of(hana, one) == (JobState.FAILED, code)


def test_a_film_that_takes_too_long_to_keep_is_given_up(
    hana: Cast, lecture: Lecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from academy.jobs import context

    steps = context.JobContext.step

    def step(job: context.JobContext) -> None:
        steps(job)
        if job.steps > 3:
            job._deadline = 0.0

    monkeypatch.setattr(context.JobContext, "step", step)
    deliver(hana.tenant, lecture.job_id, sandbox_with(WRITTEN))
    assert state_of(hana, lecture) == (JobState.QUEUED, "took_too_long")
