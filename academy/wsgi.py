import os

from django.core.wsgi import get_wsgi_application

from academy.traces.exporting import start_tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings")
start_tracing()  # before the middleware is loaded, which asks whether spans are recorded
application = get_wsgi_application()

from academy.jobs.backend import job_kinds  # noqa: E402  only after Django is set up
from academy.storage.s3 import s3_client  # noqa: E402

# What the first request would otherwise wait for: the S3 client takes 100 ms to make.
s3_client()
job_kinds()
