"""All settings, from the environment. A missing or malformed variable stops the process; none has a lax default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import environ  # type: ignore[import-untyped]  # ships no types

from academy.frontend.files import add_headers, is_immutable

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env", overwrite=False)

ENVIRONMENT: str = env.str("ACADEMY_ENV")
if ENVIRONMENT not in {"local", "test", "production"}:
    raise environ.ImproperlyConfigured(f"ACADEMY_ENV is {ENVIRONMENT!r}: one of local, test, production")
IS_PRODUCTION = ENVIRONMENT == "production"

DEBUG = False
SECRET_KEY: str = env.str("SECRET_KEY")
if len(SECRET_KEY) < 50:
    raise environ.ImproperlyConfigured("SECRET_KEY needs at least 50 characters")

# --- hosts: the table of domains decides, not a list here; an unknown host is a 404 from the tenancy middleware
ALLOWED_HOSTS = ["*"]
BASE_DOMAIN: str = env.str("BASE_DOMAIN")
PLATFORM_HOST: str = env.str("PLATFORM_HOST")

SHARED_APPS = [
    "django_tenants",
    "academy.tenancy",
    "academy.limits",
    "academy.sms",
    "academy.audits",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_standardized_errors",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "phonenumber_field",
    "django_tasks",
]
TENANT_APPS = [
    "apps.accounts",
    "academy.storage",
    "academy.jobs",
    "academy.trail",
    "apps.academies",
    "apps.trash",
    "apps.notices",
    "apps.students",
    "apps.courses",
    "apps.rosters",
    "apps.documents",
    "apps.exams",
    "apps.videos",
    "apps.homework",
    "apps.lectures",
    "apps.privacy",
]
# The admin sites. They have no tables: Django's log of the admin would be one without walls (academy/desk/apps.py).
DESK_APPS = [
    "academy.desk",
    "academy.operations",
    "unfold.apps.BasicAppConfig",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.messages",
]
MIGRATION_MODULES = {"admin": None}
INSTALLED_APPS = [*DESK_APPS, *SHARED_APPS, *TENANT_APPS]
TENANT_MODEL = "tenancy.Tenant"
TENANT_DOMAIN_MODEL = "tenancy.Domain"

MIDDLEWARE = [
    "academy.traces.web.RequestTrace",
    "academy.metrics.web.RequestMetrics",
    "academy.logs.web.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "academy.http.security.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.locale.LocaleMiddleware",  # before those that may answer by themselves, in words
    "academy.http.shedding.SheddingMiddleware",
    "academy.tenancy.middleware.TenantMiddleware",
    "academy.frontend.middleware.FrontendMiddleware",
    "academy.desk.middleware.DeskMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "academy.trail.middleware.TrailMiddleware",
    "apps.accounts.middleware.SignedInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "academy.urls"
# What the platform's host answers: the operators' site in the place of the academies' desk.
PLATFORM_URLCONF = "academy.platform_urls"
WSGI_APPLICATION = "academy.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- database: transaction-local tenant settings, so a pooler in transaction mode may stand in between
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **env.db_url("DATABASE_URL"),
        "ENGINE": "academy.tenancy.postgres",
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {"prepare_threshold": None, "application_name": "academy"},
    }
}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
APP_DB_ROLE: str = env.str("APP_DB_ROLE", default="academy_app")
DISPATCHER_DB_ROLE: str = env.str("DISPATCHER_DB_ROLE", default="academy_dispatcher")
# Only the dispatcher uses it: the role that sees job rows of every academy, and nothing else.
DISPATCHER_DATABASE_URL: str = env.str("DISPATCHER_DATABASE_URL")
# Who listens for changes of jobs needs PostgreSQL itself: LISTEN does not pass a pooler in transaction mode.
LISTEN_DATABASE_URL: str = env.str("LISTEN_DATABASE_URL", default=env.str("DATABASE_URL"))
# The counters of rate limits are written on a connection of their own, which no request's rollback reaches.
LIMITS_DATABASE_URL: str = env.str("DATABASE_URL")
# Statements that name a tenant table and not the tenant are logged and counted: of each text the first ("sample"),
# every one ("all"), or none ("off"). Tests have a judge of their own that refuses them.
STATEMENT_LOG: str = env.str("STATEMENT_LOG", default="off" if ENVIRONMENT == "test" else "sample")
if STATEMENT_LOG not in {"off", "sample", "all"}:
    raise environ.ImproperlyConfigured(f"STATEMENT_LOG is {STATEMENT_LOG!r}: one of off, sample, all")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- identity
AUTH_USER_MODEL = "accounts.User"
# W004: a phone is unique within its academy, not everywhere; PhoneBackend looks in the acting academy only.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
AUTHENTICATION_BACKENDS = ["apps.accounts.authentication.PhoneBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_ENGINE = "apps.accounts.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "academy.desk.errors.csrf_failed"
# Notices of the desk name people: they stay in the session, not in a cookie.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
PHONENUMBER_DEFAULT_REGION = "KR"
PHONENUMBER_DB_FORMAT = "E164"
PHONENUMBER_DEFAULT_FORMAT = "E164"
# What the secrets of second factors are encrypted with: the first writes, all read, so that they can be replaced.
ENCRYPTION_KEYS: list[str] = env.list("ENCRYPTION_KEYS", **({} if IS_PRODUCTION else {"default": [SECRET_KEY]}))
if not ENCRYPTION_KEYS or any(len(key) < 32 for key in ENCRYPTION_KEYS):
    raise environ.ImproperlyConfigured("ENCRYPTION_KEYS needs at least one key, each of at least 32 characters")

# --- transport. Without TLS only where everything is on this machine.
IS_TLS = IS_PRODUCTION or env.bool("TLS", default=False)
SESSION_COOKIE_SECURE = IS_TLS
CSRF_COOKIE_SECURE = IS_TLS
SESSION_COOKIE_NAME = "__Host-session" if IS_TLS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_TLS else "csrf"
CODE_COOKIE_NAME = "__Host-code" if IS_TLS else "code"
PASSKEY_COOKIE_NAME = "__Host-passkey" if IS_TLS else "passkey"
# The port that browsers see: part of the origin that passkeys are checked against.
PUBLIC_PORT: int = env.int("PUBLIC_PORT", default=443 if IS_TLS else 80)
if not 1 <= PUBLIC_PORT <= 65535:
    raise environ.ImproperlyConfigured("PUBLIC_PORT must be between 1 and 65535")
LANGUAGE_COOKIE_NAME = "__Host-language" if IS_TLS else "language"
LANGUAGE_COOKIE_SECURE = IS_TLS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
SECURE_SSL_REDIRECT = IS_TLS
SECURE_REDIRECT_EXEMPT = [r"^health$", r"^ready$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_TLS else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_TLS
SECURE_HSTS_PRELOAD = IS_TLS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes; files go to S3, never through the API

# Proxies in front that append to X-Forwarded-For. One too many and callers choose the address they are counted by;
# one too few and everybody has the proxy's.
TRUSTED_PROXY_COUNT: int = env.int("TRUSTED_PROXY_COUNT", **({} if IS_PRODUCTION else {"default": 0}))
if not 0 <= TRUSTED_PROXY_COUNT <= 5:
    raise environ.ImproperlyConfigured("TRUSTED_PROXY_COUNT must be between 0 and 5")
# A request that waited longer than this for a free process is refused with 503; the proxy in front says since when.
SHED_AFTER_SECONDS: float = env.float("SHED_AFTER_SECONDS", default=3.0)
if SHED_AFTER_SECONDS < 1:
    raise environ.ImproperlyConfigured("SHED_AFTER_SECONDS must be at least 1")
OVERLOADED_VIEW = "academy.desk.errors.overloaded"

# --- text messages: "solapi" sends them; "outbox" keeps them on a page, "console" in the log, neither in production
_SMS_DEFAULTS = {"production": "solapi", "local": "outbox", "test": "console"}
SMS_BACKEND: str = env.str("SMS_BACKEND", default=_SMS_DEFAULTS[ENVIRONMENT])
if SMS_BACKEND not in ({"solapi"} if IS_PRODUCTION else {"solapi", "outbox", "console"}):
    raise environ.ImproperlyConfigured(f"SMS_BACKEND {SMS_BACKEND!r} is not for ACADEMY_ENV {ENVIRONMENT!r}")
IS_SMS_REAL = SMS_BACKEND == "solapi"
SOLAPI_URL: str = env.str("SOLAPI_URL", default="https://api.solapi.com")
SOLAPI_API_KEY: str = env.str("SOLAPI_API_KEY") if IS_SMS_REAL else ""
SOLAPI_API_SECRET: str = env.str("SOLAPI_API_SECRET") if IS_SMS_REAL else ""
SOLAPI_SENDER: str = env.str("SOLAPI_SENDER") if IS_SMS_REAL else ""
if IS_SMS_REAL and not (SOLAPI_API_KEY and SOLAPI_API_SECRET and SOLAPI_SENDER.isdigit()):
    raise environ.ImproperlyConfigured("SOLAPI_API_KEY, SOLAPI_API_SECRET and SOLAPI_SENDER (digits) are needed")
if IS_PRODUCTION and not SOLAPI_URL.startswith("https://"):
    raise environ.ImproperlyConfigured("SOLAPI_URL must be https")

# --- notices on people's devices (web push, RFC 8292): without a key nothing is pushed. manage.py make_vapid_key
VAPID_PRIVATE_KEY: str = env.str("VAPID_PRIVATE_KEY", default="")
VAPID_SUBJECT: str = env.str("VAPID_SUBJECT", default="")
if bool(VAPID_PRIVATE_KEY) != bool(VAPID_SUBJECT):
    raise environ.ImproperlyConfigured("VAPID_PRIVATE_KEY and VAPID_SUBJECT go together, or none is set")
if VAPID_PRIVATE_KEY and not re.fullmatch(r"[A-Za-z0-9_-]{43}", VAPID_PRIVATE_KEY):
    raise environ.ImproperlyConfigured("VAPID_PRIVATE_KEY is not one of manage.py make_vapid_key")
if VAPID_SUBJECT and not re.fullmatch(r"(mailto:[^@\s]+@|https://)(localhost|[\w-]+(\.[\w-]+)+)", VAPID_SUBJECT):
    raise environ.ImproperlyConfigured("VAPID_SUBJECT must be mailto:somebody@example.com or https://example.com")
# The push services of browsers: whom the server sends to, and nobody else.
WEB_PUSH_HOSTS: list[str] = env.list(
    "WEB_PUSH_HOSTS",
    default=[
        "fcm.googleapis.com",
        "updates.push.services.mozilla.com",
        "*.push.apple.com",
        "*.notify.windows.com",
    ],
)

# --- language and time
LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", "한국어"), ("en", "English")]
TIME_ZONE = "Asia/Seoul"
USE_TZ = True
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "locale"]
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "build" / "static"
WHITENOISE_USE_FINDERS = not IS_PRODUCTION  # the image holds collected files; a checkout need not
# The app of students and parents, as `make frontend` builds it: one page, and the files it loads. A checkout where
# nothing was built serves the API alone.
FRONTEND_INDEX = BASE_DIR / "build" / "frontend" / "index.html"
FRONTEND_FILES = BASE_DIR / "build" / "frontend" / "files"
WHITENOISE_ROOT = FRONTEND_FILES if FRONTEND_FILES.is_dir() else None
WHITENOISE_IMMUTABLE_FILE_TEST = is_immutable
WHITENOISE_ADD_HEADERS_FUNCTION = add_headers

# --- AWS, or what speaks its protocols: boto3 reads AWS_ENDPOINT_URL and the credentials by itself
AWS_REGION: str = env.str("AWS_REGION")
MEDIA_BUCKET: str = env.str("MEDIA_BUCKET")
QUEUE_PREFIX: str = env.str("QUEUE_PREFIX", default="academy")
S3_PATH_STYLE: bool = env.bool("S3_PATH_STYLE", default=not IS_PRODUCTION)
# How long a message is hidden and a lease lasts without a heartbeat: what a killed worker costs its jobs.
JOB_VISIBILITY_SECONDS: int = env.int("JOB_VISIBILITY_SECONDS", default=60)
if not 6 <= JOB_VISIBILITY_SECONDS <= 3600:
    raise environ.ImproperlyConfigured("JOB_VISIBILITY_SECONDS must be between 6 and 3600")
# --- the vision model that the premium tier shows doubtful lines of text to: OpenAI-compatible; no URL, no model
OCR_MODEL_URL: str = env.str("OCR_MODEL_URL", default="")
OCR_MODEL_NAME: str = env.str("OCR_MODEL_NAME", default="")
OCR_MODEL_KEY: str = env.str("OCR_MODEL_KEY", default="")
if len({bool(OCR_MODEL_URL), bool(OCR_MODEL_NAME), bool(OCR_MODEL_KEY)}) != 1:
    raise environ.ImproperlyConfigured("OCR_MODEL_URL, OCR_MODEL_NAME and OCR_MODEL_KEY go together, or none is set")
if OCR_MODEL_URL and not OCR_MODEL_URL.startswith("https://" if IS_PRODUCTION else ("https://", "http://")):
    raise environ.ImproperlyConfigured("OCR_MODEL_URL must be https")
# --- the networks that the premium tier reads doubtful lines with, /path#sha256=HEX each (workers.vision.text.networks)
OCR_ONNX: dict[str, str] = {
    name: value
    for name in ("OCR_ONNX_RECOGNISER", "OCR_ONNX_ALPHABET", "OCR_ONNX_DETECTOR")
    if (value := env.str(name, default=""))
}
# --- streams of events (academy.asgi): how many one person, and all together, may have open in one process
STREAMS_PER_PERSON: int = env.int("STREAMS_PER_PERSON", default=5)
STREAMS_PER_PROCESS: int = env.int("STREAMS_PER_PROCESS", default=1000)
if not 1 <= STREAMS_PER_PERSON <= STREAMS_PER_PROCESS <= 20_000:
    raise environ.ImproperlyConfigured("1 <= STREAMS_PER_PERSON <= STREAMS_PER_PROCESS <= 20000 must hold")
# --- lectures: how many one person may watch at once, and at which speed at most
LECTURES_AT_ONCE: int = env.int("LECTURES_AT_ONCE", default=2)
LECTURE_MAX_SPEED: float = env.float("LECTURE_MAX_SPEED", default=2.0)
if not (1 <= LECTURES_AT_ONCE <= 20 and 1.0 <= LECTURE_MAX_SPEED <= 4.0):
    raise environ.ImproperlyConfigured("LECTURES_AT_ONCE must be 1 to 20, LECTURE_MAX_SPEED 1 to 4")
TASKS = {
    "default": {
        "BACKEND": "academy.jobs.backend.OutboxBackend",
        "QUEUES": ["lite", "basic", "premium", "video"],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["academy.http.authentication.CsrfSessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["academy.http.permissions.DeclaredPermission"],
    "DEFAULT_RENDERER_CLASSES": ["academy.http.rendering.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["academy.http.parsing.OrjsonParser"],
    "DATETIME_FORMAT": None,  # datetimes stay datetimes: the renderer writes them as ISO 8601, in UTC
    "DEFAULT_SCHEMA_CLASS": "academy.http.schema.EnvelopeAutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_HANDLER_CLASS": "academy.http.errors.EnvelopeExceptionHandler"}
SPECTACULAR_SETTINGS = {
    "ENUM_NAME_OVERRIDES": {
        "DocumentKind": "apps.documents.models.Kind",
        "ErrorType": "academy.http.schema.ERROR_TYPES",
        "CredentialType": ["public-key"],
        "TrailOutcome": "academy.trail.models.Outcome",
        "AnswerOutcome": "apps.exams.scoring.Outcome",
        "HomeworkVerdict": "apps.homework.serializers.VERDICTS",
        "AttendanceStatus": "apps.courses.models.AttendanceStatus",
        "FieldStatus": "sheets.reading.FieldStatus",
        "ObjectionState": "apps.exams.models.ObjectionState",
    },
    "TITLE": "Academy",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
}

# --- metrics: each process answers Prometheus at this address of its own, which no load balancer leads to; "" for none
METRICS_BIND: str = env.str("METRICS_BIND", default="")
if METRICS_BIND and not re.fullmatch(r"[^\s/@]+:[0-9]{1,5}", METRICS_BIND):
    raise environ.ImproperlyConfigured(f"METRICS_BIND is {METRICS_BIND!r}: not host:port")

# --- spot machines: where a notice of their end is read, by the metadata service's protocol; "" for machines that stay
SPOT_NOTICE_URL: str = env.str("SPOT_NOTICE_URL", default="")
if SPOT_NOTICE_URL and not re.fullmatch(r"https?://[^\s/@]+/\S+", SPOT_NOTICE_URL):
    raise environ.ImproperlyConfigured("SPOT_NOTICE_URL must be an http address with a path")

# --- what this process is called in traces and crashes: its part, the deployment, the image's digest
OTEL_SERVICE_NAME: str = env.str("OTEL_SERVICE_NAME", default="academy")
DEPLOYMENT: str = env.str("DEPLOYMENT", default=ENVIRONMENT)
RELEASE: str = env.str("RELEASE", default="")

# --- traces: the address of an OTLP collector (http/protobuf), "" for none, and the share of requests that is recorded
OTEL_EXPORTER_OTLP_ENDPOINT: str = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
if OTEL_EXPORTER_OTLP_ENDPOINT and not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", OTEL_EXPORTER_OTLP_ENDPOINT):
    raise environ.ImproperlyConfigured("OTEL_EXPORTER_OTLP_ENDPOINT must be an http address without user and query")
OTEL_TRACES_SAMPLER_ARG: float = env.float("OTEL_TRACES_SAMPLER_ARG", default=0.05)
if not 0 <= OTEL_TRACES_SAMPLER_ARG <= 1:
    raise environ.ImproperlyConfigured("OTEL_TRACES_SAMPLER_ARG must be between 0 and 1")

# --- crashes: where Sentry takes them, "" for nowhere. The address holds a key and is not shown.
SENTRY_DSN: str = env.str("SENTRY_DSN", default="")
if SENTRY_DSN and not re.fullmatch(
    rf"http{'s' if IS_PRODUCTION else 's?'}://\w+@[\w.-]+(:\d+)?/([\w./-]+/)?\d+", SENTRY_DSN
):
    raise environ.ImproperlyConfigured("SENTRY_DSN must be https://KEY@HOST/PROJECT")

# --- logs: "json" (one object a line, no personal data) or "line" (for people who develop)
LOG_FORMAT: str = env.str("LOG_FORMAT", default="json" if IS_PRODUCTION else "line")
if LOG_FORMAT not in {"json", "line"}:
    raise environ.ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}: one of json, line")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {"()": "academy.logs.formatting.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"botocore": {"level": "WARNING"}, "boto3": {"level": "WARNING"}, "django.request": {"level": "ERROR"}},
}
if SENTRY_DSN:
    LOGGING["handlers"]["crashes"] = {
        "class": "academy.crashes.reporting.CrashHandler",
        "dsn": SENTRY_DSN,
        "release": RELEASE,
        "environment": DEPLOYMENT,
        "service": OTEL_SERVICE_NAME,
    }
    LOGGING["root"]["handlers"].append("crashes")
