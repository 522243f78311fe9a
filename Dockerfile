# syntax=docker/dockerfile:1
# One image for every service of the product; the command decides which it is:
#   gunicorn --config infra/gunicorn_conf.py academy.wsgi     the API and the admin (the default)
#   python -m academy.asgi                                    streams of events: /api/v1/events, led here by the load balancer
#   python -m workers cpu | video | premium | dispatcher      the workers
#   python manage.py migrate_academies                        a release's migrations, as the owner of the schemas
# It needs no writable root: docker run --read-only --tmpfs /tmp:size=2g --shm-size 128m ...
# Health: GET /health is for the load balancer, /ready (database, migrations, queues) for whoever releases. There is no
# HEALTHCHECK, as the image doesn't know whether it is a web server, and ECS ignores it for the task definition's.

FROM node:22.21.1-bookworm-slim AS frontend

RUN npm install --global --no-audit --no-fund pnpm@12.21.0
WORKDIR /app/frontend
COPY frontend/package.json frontend/pnpm-lock.yaml frontend/pnpm-workspace.yaml ./
RUN --mount=type=cache,target=/root/.local/share/pnpm/store \
    pnpm install --frozen-lockfile
COPY frontend/ ./
RUN node_modules/.bin/openapi-typescript schema.yaml --output src/api/schema.d.ts \
    && node_modules/.bin/vite build


FROM python:3.11.14-slim-bookworm AS build

RUN pip install --no-cache-dir --root-user-action=ignore uv==0.13.8
ENV UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy \
    UV_PROJECT_ENVIRONMENT=/opt/venv
WORKDIR /app

# First what changes seldom: an edit of the code leaves this layer as it is.
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-default-groups --no-install-project

COPY manage.py ./
COPY academy/ academy/
COPY apps/ apps/
COPY sheets/ sheets/
COPY workers/ workers/
COPY locale/ locale/
COPY infra/__init__.py infra/gunicorn_conf.py infra/
COPY --from=frontend /app/build/frontend build/frontend
RUN /opt/venv/bin/python -B -m whitenoise.compress --quiet build/frontend/files

# Bytecode by its source's hash, since file times differ between a build and the next; nothing is written at run time.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib /app

# Collecting static files reads the settings: production's, with values that lead nowhere and stay in this layer.
# hadolint ignore=DL3059
RUN ACADEMY_ENV=production SECRET_KEY=build-only-no-secret-build-only-no-secret-build-only-no \
    DATABASE_URL=postgresql://x:x@127.0.0.1:1/x MIGRATION_DATABASE_URL=postgresql://x:x@127.0.0.1:1/x \
    DISPATCHER_DATABASE_URL=postgresql://x:x@127.0.0.1:1/x AWS_REGION=ap-northeast-2 MEDIA_BUCKET=build \
    BASE_DOMAIN=build.example PLATFORM_HOST=platform.build.example PUBLIC_PORT=443 \
    ENCRYPTION_KEYS=build-only-no-secret-build-only-no TRUSTED_PROXY_COUNT=1 \
    SOLAPI_API_KEY=build SOLAPI_API_SECRET=build SOLAPI_SENDER=0200000000 \
    /opt/venv/bin/python -B manage.py collectstatic --noinput --verbosity 0


FROM python:3.11.14-slim-bookworm

# Not pinned: Debian keeps only the newest version of a stable package, so that a pin stops building one day.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        fonts-nanum tesseract-ocr tesseract-ocr-eng tesseract-ocr-kor \
    && rm -rf /var/lib/apt/lists/*

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=academy.settings \
    HOME=/tmp \
    TMPDIR=/tmp \
    OMP_THREAD_LIMIT=1
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app

# A number, so that an orchestrator can verify that it isn't root's.
USER 10001:10001
EXPOSE 8000 8001
# In exec form: SIGTERM reaches the process itself, which then drains.
CMD ["gunicorn", "--config", "infra/gunicorn_conf.py", "academy.wsgi"]
