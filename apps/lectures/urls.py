from django.urls import path

from apps.lectures import api

urlpatterns = [
    path("lectures", api.LecturesView.as_view(), name="lectures"),
    path("lectures/<int:lecture_id>", api.LectureView.as_view(), name="lecture"),
    path("lectures/<int:lecture_id>/prepare", api.PrepareAgainView.as_view(), name="lecture-prepare"),
    path("lectures/<int:lecture_id>/watchers", api.WatchersView.as_view(), name="lecture-watchers"),
    path("lectures/<int:lecture_id>/sessions", api.PlaybackSessionsView.as_view(), name="lecture-sessions"),
    path("playback-sessions/<int:session_id>", api.PlaybackSessionView.as_view(), name="playback-session"),
    path("me/lectures", api.OwnLecturesView.as_view(), name="own-lectures"),
    path("me/lectures/<int:lecture_id>", api.OwnLectureView.as_view(), name="own-lecture"),
    path("me/lectures/<int:lecture_id>/playback", api.OwnPlaybackView.as_view(), name="own-playback"),
    path("me/playback/<int:session_id>/heartbeat", api.HeartbeatView.as_view(), name="heartbeat"),
    path("me/playback/<int:session_id>/lecture.m3u8", api.MasterPlaylistView.as_view(), name="master-playlist"),
    path("me/playback/<int:session_id>/<slug:name>.m3u8", api.MediaPlaylistView.as_view(), name="media-playlist"),
    path("me/playback/<int:session_id>/<slug:name>.mp4", api.RenditionView.as_view(), name="rendition"),
]
