from django.urls import path

from academy.jobs.api import JobView

urlpatterns = [path("jobs/<int:job_id>", JobView.as_view(), name="job")]
