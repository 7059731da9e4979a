"""Every setting of the studio, and the one place where the environment is read.

The defaults run everything on one laptop: SQLite, files in one data folder, a demo server for the remote APIs.
PostgreSQL, a bucket and a public address come from environment variables alone; see docs/configuration.md.
"""

import gc
import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from environs import Env
from marshmallow.validate import OneOf, Range

from heygen_studio.addresses import host_of, is_address
from heygen_studio.database import with_time_limits
from heygen_studio.kept_secret import kept_secret
from heygen_studio.time_zone import zone_name
from videos import limits

# Off until everything is imported (videos/apps.py): there is no garbage yet, and collecting takes a tenth of the start.
gc.disable()

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()

# These override the owner's values on the Settings page. The demo's key belongs to nobody.
SET_BY_ENVIRONMENT = frozenset(name for name, value in os.environ.items() if value.strip())
if env.bool("STUDIO_DEMO", False):
    SET_BY_ENVIRONMENT -= {"HEYGEN_API_KEY"}

# Where everything is kept, readable by nobody else: every process of the studio begins here
os.umask(0o077)
DATA = Path(env.str("STUDIO_DATA", "") or BASE_DIR / "data").absolute()
with suppress(OSError, RuntimeError):  # videos/checks.py reports it with a hint
    DATA = DATA.resolve()
    DATA.mkdir(parents=True, exist_ok=True)
ACCEPTED_FOLDER = DATA / "accepted"  # remote ids whose commit failed, kept until the worker replays them
PARTIAL_FOLDER = DATA / "partial"  # downloads in progress
MEDIA_ROOT = DATA / "media"

# The remote API
HEYGEN_API_KEY = env.str("HEYGEN_API_KEY", "").strip()
HEYGEN_API_URL = env.str("HEYGEN_API_URL", "").rstrip("/")
HEYGEN_API_URL_IS_GIVEN = bool(HEYGEN_API_URL)
HEYGEN_API_URL = HEYGEN_API_URL or "https://api.heygen.com"
HEYGEN_UPLOAD_URL = env.str("HEYGEN_UPLOAD_URL", "https://upload.heygen.com").rstrip("/")
HEYGEN_UPLOAD_CALL = env.str("HEYGEN_UPLOAD_CALL", "auto", validate=OneOf(["auto", "assets", "asset", "own"]))
# Further remote APIs (videos/remotes/): REMOTE_<KEY OF THE BACKEND>_URL, _KEY, and any others that one asks for.
REMOTE_SETTINGS = {name: value.strip() for name, value in os.environ.items() if name.startswith("REMOTE_")}
DEMO_URL = env.str("STUDIO_DEMO_URL", "")  # where the demo server answers for all of them
DEMO = env.bool("STUDIO_DEMO", False)  # set by the supervisor when the demo server answers instead of HeyGen
POLL_SECONDS = env.float("STUDIO_POLL_SECONDS", 10)
OVERDUE_SECONDS = env.float("STUDIO_OVERDUE_SECONDS", 600)
STOP_WAITING_SECONDS = env.float(
    "STUDIO_STOP_WAITING_SECONDS",
    env.float("STUDIO_STOP_FOLLOWING_SECONDS", 24 * 3600),  # its name in 0.1.0
)
MAX_IN_FLIGHT = env.int("STUDIO_MAX_IN_FLIGHT", 10)
LEASE_SECONDS = env.float("STUDIO_LEASE_SECONDS", 120)
REDRAWS_AT_ONCE = max(1, env.int("STUDIO_REDRAWS_AT_ONCE", 2))  # pictures, on each host
MAX_VIDEO_BYTES = env.int("STUDIO_MAX_VIDEO_BYTES", 2 * 1024**3)
MIN_FREE_BYTES = env.int("STUDIO_MIN_FREE_BYTES", 512 * 1024**2)
TRASH_DAYS = env.int("STUDIO_TRASH_DAYS", 30)
KEEP_DAYS = env.int("STUDIO_KEEP_DAYS", None)  # None: videos are kept until somebody deletes them
KEEP_BYTES = env.int("STUDIO_KEEP_BYTES", None)
ASK_ABOVE_VIDEOS = env.int("STUDIO_ASK_ABOVE_VIDEOS", None)  # of one click of Generate; None: never asks
ASK_ABOVE_PRICE = env.decimal("STUDIO_ASK_ABOVE_PRICE", None)
NOTIFY_URLS = env.str("STUDIO_NOTIFY_URLS", "")
NOTIFY_PROMPTS = env.bool("STUDIO_NOTIFY_PROMPTS", False)

# Who may reach us
HOST = env.str("HOST", "127.0.0.1")
PORT = env.int("PORT", 8000, validate=Range(0, 65535))
STUDIO_URL = env.str("STUDIO_URL", "").strip().rstrip("/")
LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}
BOUND_TO_LOOPBACK = HOST in LOOPBACK
WILDCARDS = {"0.0.0.0", "::", "[::]", ""}  # bound to every address, which names none
PUBLIC_HOST = host_of(STUDIO_URL)
ALLOWED_HOSTS = [
    *env.list("STUDIO_HOSTS", []),
    *({PUBLIC_HOST} if PUBLIC_HOST else set()),
    *({HOST} - WILDCARDS - LOOPBACK),
    *sorted(LOOPBACK - {"::1"}),
]
CSRF_TRUSTED_ORIGINS = [STUDIO_URL] if PUBLIC_HOST else []
TRUSTED_PROXIES = env.int("STUDIO_PROXIES", 0)  # how many of our proxies are in front of the studio
# A studio bound to loopback may still be public, through a proxy: then its settings name where.
NAMED_HOSTS = {*env.list("STUDIO_HOSTS", []), PUBLIC_HOST or "localhost"}
ONLY_THIS_MACHINE = BOUND_TO_LOOPBACK and not TRUSTED_PROXIES and NAMED_HOSTS <= LOOPBACK

SECRET_KEY = env.str("SECRET_KEY", "")
SECRET_KEY_IS_GIVEN = bool(SECRET_KEY)
if not SECRET_KEY_IS_GIVEN:
    SECRET_KEY = token_urlsafe(48)  # for a process that only says what is wrong with the data folder
    with suppress(OSError, ValueError):
        SECRET_KEY = kept_secret(DATA / "secret-key")
DEBUG = env.bool("DEBUG", False)

INSTALLED_APPS = [
    "videos.apps.StudioAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_q",
    "axes",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "videos",
]

MIDDLEWARE = [
    "videos.middleware.RequestMetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "videos.middleware.PermissionsPolicyMiddleware",
    "videos.middleware.NoStoreMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "videos.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "videos.body_limits.BodyLimitMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "videos.middleware.SignInMiddleware",
    "videos.middleware.SecondFactorMiddleware",
    "videos.middleware.LastSeenMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "videos.middleware.RemovedMeanwhileMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "heygen_studio.urls"
WSGI_APPLICATION = "heygen_studio.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["videos.template_loader.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "videos.context.studio",
            ],
            "builtins": [
                "django_htmx.templatetags.django_htmx",
                "videos.templatetags.cached_include",
                "videos.templatetags.icons",
            ],
        },
    }
]

# The database, which is also the queue. Each SQLite option was measured: WAL and IMMEDIATE took 887 lock errors
# in 30 s to none; synchronous=FULL because a power cut must not undo the mark made before money is spent.
DATABASE_URL = env.str("DATABASE_URL", "")
SQLITE_FILE = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATA / "studio.sqlite3")}  # a path is not a URL
# Seconds, fewer in the web (see wsgi.py): the wait for another writer or a connection, and the whole of one statement.
DATABASE_WAIT = env.float("STUDIO_DATABASE_WAIT", 20)
STATEMENT_WAIT = env.float("STUDIO_STATEMENT_WAIT", 0)
DATABASES = {
    "default": {
        **(dj_database_url.parse(DATABASE_URL) if DATABASE_URL else SQLITE_FILE),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": DATABASE_WAIT,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=134217728; "
            "PRAGMA secure_delete=ON;"  # a link that its row no longer holds is not left in the file's free space
        ),
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    given = DATABASES["default"].get("OPTIONS", {})
    DATABASES["default"]["OPTIONS"] = with_time_limits(given, DATABASE_WAIT, STATEMENT_WAIT)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# django-q2 only wakes the worker; the rows are the queue. Other values of these ran paid tasks again.
Q_CLUSTER = {
    "name": "studio",
    "orm": "default",
    "broker_class": "videos.worker.broker.Broker",
    "workers": limits.WORKERS,
    "queue_limit": limits.TASKS_HANDED_OUT,
    "bulk": limits.TASKS_PER_FETCH,
    "timeout": 120,
    "retry": 180,
    "ack_failures": True,
    "max_attempts": 1,
    "poll": 0.25,
    "guard_cycle": 0.5,
    "catch_up": False,
    "recycle": 500,
    "save_limit": 50,
    "label": "Worker",
}

# Backups, each night
BACKUP_FOLDER = env.str("STUDIO_BACKUP_FOLDER", "").strip()
BACKUP_BUCKET = env.str("STUDIO_BACKUP_BUCKET", "").strip()
BACKUP_KEEP = env.int("STUDIO_BACKUP_KEEP", 7)

# Files
BUCKET = env.str("STUDIO_BUCKET", "")
BUCKET_WAIT = env.float("STUDIO_BUCKET_WAIT", 30)  # seconds without a byte of an answer; less in the web
BUCKET_REGION = env.str("AWS_REGION", "") or env.str("AWS_DEFAULT_REGION", "")
BUCKET_ENDPOINT = (
    env.str("AWS_ENDPOINT_URL_S3", "") or env.str("AWS_ENDPOINT_URL", "") or env.str("AWS_S3_ENDPOINT_URL", "")
)
BUCKET_SECRETS = [env.str("AWS_SECRET_ACCESS_KEY", ""), env.str("AWS_SESSION_TOKEN", "")]  # for the log to leave out
BUCKET_HAS_CREDENTIALS = bool(
    (env.str("AWS_ACCESS_KEY_ID", "") and env.str("AWS_SECRET_ACCESS_KEY", ""))
    or env.str("AWS_PROFILE", "")
    or env.str("AWS_ROLE_ARN", "")
    or env.str("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "")
    or env.str("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
)
ACCEL_LOCATION = env.str("STUDIO_ACCEL_LOCATION", "")  # nginx's internal location over MEDIA_ROOT
MEDIA_URL = "/media-is-served-by-views-only/"
FOLDER_STORAGE = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {
        "location": MEDIA_ROOT,
        "file_permissions_mode": 0o640 if ACCEL_LOCATION else 0o600,
        "directory_permissions_mode": 0o750 if ACCEL_LOCATION else 0o700,
    },
}
BUCKET_STORAGE = {
    "BACKEND": "videos.storage.bucket.Bucket",
    "OPTIONS": {
        "bucket_name": BUCKET,
        "endpoint_url": BUCKET_ENDPOINT or None,
        "region_name": BUCKET_REGION or None,
        # Amazon's own: by the name in the bucket's region, so that no link is redirected to where the CSP forbids it.
        # Times: boto3's own would wait for a silent bucket until the queue ends the task.
        "config": {
            "s3": {"addressing_style": None if BUCKET_ENDPOINT or "." in BUCKET else "virtual"},
            "signature_version": "s3v4",
            "connect_timeout": 5,
            "read_timeout": BUCKET_WAIT,
            "retries": {"total_max_attempts": 2},
        },
        "querystring_auth": True,
        "querystring_expire": 60,
        "file_overwrite": True,
        "default_acl": None,
    },
}
STORAGES = {
    "default": BUCKET_STORAGE if BUCKET else FOLDER_STORAGE,
    "staticfiles": {"BACKEND": "heygen_studio.static_storage.StaticStorage"},
}
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA / "static"
FILE_UPLOAD_PERMISSIONS = 0o600  # of static files too
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024**2
DATA_UPLOAD_MAX_NUMBER_FIELDS = 600  # a table of 500 rows has a tick box for each
DATA_UPLOAD_MAX_NUMBER_FILES = 50  # pictures of one table

# People
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
# The wider limits, and why none of them locks anybody else out, are in videos/accounts/throttle.py.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "videos.accounts.throttle.throttled_address"
AXES_LOCKOUT_CALLABLE = "videos.views.account.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # otherwise a locked pair could be kept locked for ever
AXES_SENSITIVE_PARAMETERS = ["csrfmiddlewaretoken", "next"]
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# allauth asks for the second factor and speaks OpenID Connect; the rest is ours: videos/accounts/adapters.py
ACCOUNT_ADAPTER = "videos.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# Signing in by OpenID Connect: videos/accounts/sso.py
OIDC_URL = env.str("STUDIO_OIDC_URL", "").strip().rstrip("/")
OIDC_CLIENT_ID = env.str("STUDIO_OIDC_CLIENT_ID", "")
OIDC_NAME = env.str("STUDIO_OIDC_NAME", "single sign-on")
OIDC_CLAIM = env.str("STUDIO_OIDC_CLAIM", "")
OIDC_OWNERS = env.list("STUDIO_OIDC_OWNERS", [])
OIDC_MANAGERS = env.list("STUDIO_OIDC_MANAGERS", [])
OIDC_MEMBERS = env.list("STUDIO_OIDC_MEMBERS", [])
OIDC_APP = {
    "provider_id": "sso",
    "name": OIDC_NAME,
    "client_id": OIDC_CLIENT_ID,
    "secret": env.str("STUDIO_OIDC_SECRET", ""),
    "settings": {"server_url": OIDC_URL},
}
SOCIALACCOUNT_ADAPTER = "videos.accounts.sso.SsoAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a form that leads to another host is forbidden by our CSP
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [OIDC_APP] if OIDC_URL and OIDC_CLIENT_ID else [],
        "OAUTH_PKCE_ENABLED": True,
        "SCOPE": env.list("STUDIO_OIDC_SCOPES", ["openid", "profile", "email"]),
    }
}
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900  # seconds, before the second factor itself is changed
ACCOUNT_FORMS = {"reauthenticate": "videos.accounts.second_factor.PasswordAgainForm"}
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False  # they count in one process; ours are in videos/accounts/throttle.py
MFA_ADAPTER = "videos.accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_FORMS = {
    "authenticate": "videos.accounts.second_factor.CodeForm",
    "reauthenticate": "videos.accounts.second_factor.CodeAgainForm",
}
MFA_TOTP_TOLERANCE = 1  # the code before and the one after: clocks differ
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = ONLY_THIS_MACHINE  # http://localhost, which browsers trust too
SESSION_COOKIE_AGE = 60 * 24 * 3600
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"

# What the browser may do
OVER_TLS = STUDIO_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OVER_TLS
# Only a proxy knows whether a request came over TLS; without a trusted one, the redirect would repeat for ever.
SECURE_SSL_REDIRECT = OVER_TLS and TRUSTED_PROXIES > 0
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if OVER_TLS else 0
# Both bind other hosts of the domain, for a year and longer: only when asked for.
SECURE_HSTS_PRELOAD = env.bool("STUDIO_HSTS_PRELOAD", False)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("STUDIO_HSTS_SUBDOMAINS", False) or SECURE_HSTS_PRELOAD
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # which want both
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"


def bucket_origin() -> str:
    """Where links to the bucket's files lead."""
    if BUCKET_ENDPOINT:
        parts = urlsplit(BUCKET_ENDPOINT)
        return f"{parts.scheme}://{parts.netloc}"
    amazon = "s3.amazonaws.com" if BUCKET_REGION in {"", "us-east-1"} else f"s3.{BUCKET_REGION}.amazonaws.com"
    return f"https://{amazon}/{BUCKET}/" if "." in BUCKET else f"https://{BUCKET}.{amazon}"


BUCKET_IS_KNOWN = bool(BUCKET) and (not BUCKET_ENDPOINT or is_address(BUCKET_ENDPOINT))
MEDIA_ORIGIN = [bucket_origin()] if BUCKET_IS_KNOWN else []
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "font-src": [SELF],
        "img-src": [SELF, "data:", "blob:", *MEDIA_ORIGIN],
        "media-src": [SELF, "blob:", *MEDIA_ORIGIN],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}

# Monitoring
METRICS_TOKEN = env.str("STUDIO_METRICS_TOKEN", "").strip()
WEBHOOK_URL = env.str("STUDIO_WEBHOOK_URL", "").strip()
WEBHOOK_SECRET = env.str("STUDIO_WEBHOOK_SECRET", "").strip()
METRICS_FOLDER = DATA / "metrics"  # where the web processes of this host add up their requests
if METRICS_TOKEN:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_FOLDER)  # read when prometheus_client is imported

LANGUAGE_CODE = "en"
USE_I18N = False
FORMAT_MODULE_PATH = ["heygen_studio.formats"]
TZ = env.str("TZ", "")
TIME_ZONE = zone_name(TZ) or "UTC"
USE_TZ = True

LOG_LEVEL = env.log_level("STUDIO_LOG_LEVEL", "INFO")
LOG_FORMAT = env.str("STUDIO_LOG_FORMAT", "text", validate=OneOf(["text", "json"]))
SENTRY_DSN = (env.str("SENTRY_DSN", "") or env.str("STUDIO_SENTRY_DSN", "")).strip()
# httpx logs whole addresses, with their signatures, at INFO, and httpcore logs headers at DEBUG: they stay silent.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "()": "videos.logs.TextFormatter",
            "fmt": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
        "json": {"()": "videos.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "videos": {"level": LOG_LEVEL},
        "django-q": {"level": "WARNING"},
        "axes": {"level": "ERROR"},  # its warnings name what was typed as a username, and that may be a password
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
