from django.urls import path

from academy.jobs import api

urlpatterns = [
    path("jobs", api.JobsView.as_view(), name="jobs"),
    path("jobs/<int:job_id>", api.JobView.as_view(), name="job"),
    path("jobs/<int:job_id>/cancel", api.CancelJobView.as_view(), name="job-cancel"),
    path("jobs/<int:job_id>/retry", api.RetryJobView.as_view(), name="job-retry"),
    path("usage", api.UsageView.as_view(), name="usage"),
]
