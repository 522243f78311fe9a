from django.urls import path

from academy.jobs.api import JobsView, JobView

urlpatterns = [
    path("jobs", JobsView.as_view(), name="jobs"),
    path("jobs/<int:job_id>", JobView.as_view(), name="job"),
]
