"""Settings, read from the environment. Without DATABASE_URL or REDIS_URL the embedded services are used."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import structlog
from csp.constants import NONE, SELF

from config import embedded

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "pytest" in sys.modules
# Tests have servers and files of their own, so that they never touch those of `make run`.
VAR_DIR = Path(os.environ.get("COUNTERSIGN_VAR") or BASE_DIR / ("var/test" if TESTING else "var")).absolute()


def flag(name: str, default: bool = False) -> bool:
    return os.environ.get(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


DEBUG = False
# Whether the first start of a fresh installation begins with a run of the example.
EXAMPLE_RUN = flag("COUNTERSIGN_EXAMPLE_RUN", default=True)
SECRET_KEY = os.environ.get("SECRET_KEY") or embedded.secret(VAR_DIR, "secret_key")
# Earlier ones that still read what they wrote: sessions, and the secrets of authenticator apps.
SECRET_KEY_FALLBACKS = [key for key in os.environ.get("SECRET_KEY_FALLBACKS", "").split(",") if key]
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("CSRF_TRUSTED_ORIGINS", "").split(",") if origin]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "channels",
    "csp",
    "django_htmx",
    "config",
    "orchestrator",
    "approvals",
    "monitoring",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.ErrorPages",
    "config.api_problems.ApiProblems",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.roles.navigation",
            ],
        },
    },
]


def database_from(url: str) -> dict[str, object]:
    """Django's settings for a PostgreSQL URL. A socket folder may be given as `?host=/path`."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise SystemExit(
            f"DATABASE_URL must start with postgresql://, not {parts.scheme}://. There is no other database."
        )
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "countersign",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or parts.hostname or "",
        "PORT": str(parts.port or query.pop("port", "") or ""),
        # Celery closes connections around every task: a pool makes that cheap and keeps prepared statements.
        "CONN_MAX_AGE": 0,
        # Asked when a connection leaves the pool, so that a restarted PostgreSQL costs nobody an error.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "prepare_threshold": 0,
            "pool": {"min_size": 1, "max_size": int(os.environ.get("DATABASE_POOL", "34")), "timeout": 20},
            **query,
        },
    }


DATABASES = {"default": database_from(os.environ.get("DATABASE_URL") or embedded.database_url(VAR_DIR))}
REDIS_URL = os.environ.get("REDIS_URL") or embedded.redis_url(VAR_DIR)
# Everything in Redis (queues, cache, nudges) carries this prefix; test workers that run side by side each have one.
REDIS_PREFIX = os.environ.get("REDIS_PREFIX") or (
    f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}" if TESTING else "countersign"
)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": REDIS_PREFIX,
    },
}

AUTH_USER_MODEL = "config.User"
AUTHENTICATION_BACKENDS = ["config.backends.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_FORMS = {"login": "config.sign_in_forms.SignInForm"}
ACCOUNT_ADAPTER = "config.sign_in.ClosedAccounts"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
# How long the link works that confirms a mail address, in hours.
MAIL_LINK_HOURS = int(os.environ.get("MAIL_LINK_HOURS", "24"))
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = MAIL_LINK_HOURS / 24
# How long ago somebody may have proved that it is they, to approve what is critical or to change how they sign in.
ACCOUNT_REAUTHENTICATION_TIMEOUT = int(os.environ.get("CONFIRM_MINUTES", "15")) * 60
MFA_ADAPTER = "config.second_factor.SecondFactors"
MFA_FORMS = {
    "activate_totp": "config.second_factor.AppForm",
    "add_webauthn": "config.second_factor.PasskeyForm",
    "authenticate": "config.second_factor.CodeForm",
    "reauthenticate": "config.second_factor.ConfirmByCodeForm",
}
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "Countersign"
# A code is remembered as used for as long as it is accepted only while no other period is.
MFA_TOTP_TOLERANCE = 0
if TESTING:
    PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}PasswordHasher" for name in ("MD5", "PBKDF2")]
SESSION_ENGINE = "config.sessions"
SESSION_COOKIE_AGE = int(os.environ.get("SESSION_HOURS", "12")) * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = flag("HTTPS")
# How many proxies of ours stand in front. With none, nothing that a browser claims about itself is believed.
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("TRUSTED_PROXIES", "0"))
if ALLAUTH_TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

LANGUAGE_CODE = "en-gb"
USE_TZ = True
TIME_ZONE = os.environ.get("ORGANISATION_TIME_ZONE", "UTC")
USE_I18N = False

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING
        else "config.static_files.NamedByContent"
    },
}
WHITENOISE_USE_FINDERS = TESTING
DATA_UPLOAD_MAX_MEMORY_SIZE = 30 * 1024 * 1024
# More than a run takes, so that the page itself can say how many do.
DATA_UPLOAD_MAX_NUMBER_FILES = 2000

CELERY_BROKER_URL = embedded.celery_broker(REDIS_URL)
# No list of what was delivered and not yet acknowledged: a message is a nudge, and the sweep finds what a lost one
# was for. Keeping it costs two of three round trips for each message, before its work begins.
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": f"{REDIS_PREFIX}:", "ack_emulation": False}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"refusals": {"()": "config.errors.Refusals"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["refusals"]}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "propagate": True},
        # Each page and each file that was asked for; the errors come by `django.request`.
        "django.channels.server": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}

# Plain lines, and tracebacks without the values of variables: those would show keys and what people wrote.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=True),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ],
)

# ---- Countersign ----
# Which installation this is: production, staging, test, or a short name of one's own. Shown on every page and case. What
# is not told otherwise is production, so that nobody takes real money for a trial.
COUNTERSIGN_ENVIRONMENT = " ".join(os.environ.get("COUNTERSIGN_ENVIRONMENT", "").split()) or "production"
if len(COUNTERSIGN_ENVIRONMENT) > 24:
    raise SystemExit(
        "COUNTERSIGN_ENVIRONMENT stands on every page: give a name of at most 24 characters, such as staging."
    )
# The gate that is asked before anything changes the world. Without a setting, everything is held.
COUNTERSIGN_GATE = os.environ.get("COUNTERSIGN_GATE", "approvals.gate.PolicyGate")
COUNTERSIGN_POLICIES = "approvals.queries.policies.names"
COUNTERSIGN_AGENT_RUNNERS = {
    "code": "approvals.adapters.canaries.CodeAgents",
    "model": "approvals.adapters.canaries.ModelAgents",
    "external": "orchestrator.adapters.elsewhere.WorksElsewhere",
}
COUNTERSIGN_VALIDATE = "orchestrator.adapters.validators.run_validators"
COUNTERSIGN_EXECUTOR = "approvals.adapters.canaries.Tools"
# Names the runs whose actions count against no limit.
COUNTERSIGN_UNCOUNTED = "approvals.queries.canaries.uncounted"
# Modules whose decorated functions may be used as code agents, tools and validators.
COUNTERSIGN_MODULES = [
    name
    for name in os.environ.get(
        "COUNTERSIGN_MODULES",
        "orchestrator.adapters.validators,examples.invoice_settlement.agents,examples.invoice_settlement.tools,"
        "examples.invoice_settlement.validators",
    ).split(",")
    if name
]
# Modules that compare and repair other apps' rows for `manage.py rebuild`.
COUNTERSIGN_REBUILDERS = [
    "approvals.services.rebuild",
    "approvals.services.token_rows",
    "approvals.services.notifications.hook_rows",
]
# How long an executor elsewhere has to begin what nobody had to sign off, and after its time to begin, how long
# until an action without a result goes to a named person, in seconds.
EXTERNAL_EXECUTE_SECONDS = float(os.environ.get("EXTERNAL_EXECUTE_SECONDS", "900"))
EXTERNAL_SILENCE_SECONDS = float(os.environ.get("EXTERNAL_SILENCE_SECONDS", "300"))
# How often the tools of external MCP servers are looked at for changes, in seconds.
OUTSIDE_TOOLS_SECONDS = float(os.environ.get("OUTSIDE_TOOLS_SECONDS", "600"))
# Long polls that one web process holds open at once, and the largest body of one call.
API_OPEN_POLLS = int(os.environ.get("API_OPEN_POLLS", "200"))
API_MOST_BYTES = int(os.environ.get("API_MOST_BYTES", str(1024 * 1024)))
# Where `manage.py checkpoint` puts a copy of each signed checkpoint; best a folder on another machine.
CHECKPOINT_HOURS = float(os.environ.get("CHECKPOINT_HOURS", "24"))
CHECKPOINT_EXPORT_DIR = os.environ.get("CHECKPOINT_EXPORT_DIR", "")
# How long what is kept, in days by kind, such as "content=90,run=3650". Empty: everything, for ever.
RETENTION_DAYS = os.environ.get("RETENTION_DAYS", "")
# Leases of effects, in seconds: how long one lasts, how often it is renewed, how often lost ones are looked for.
LEASE_SECONDS = float(os.environ.get("LEASE_SECONDS", "9"))
LEASE_RENEW_SECONDS = float(os.environ.get("LEASE_RENEW_SECONDS", "3"))
SWEEP_SECONDS = float(os.environ.get("SWEEP_SECONDS", "2"))
# How long one task stays with one run before others get their turn, in seconds.
SLICE_SECONDS = float(os.environ.get("SLICE_SECONDS", "5"))
# How long a worker with stuck threads may finish what else it does before it is replaced, in seconds.
RECYCLE_SECONDS = float(os.environ.get("RECYCLE_SECONDS", "30"))
# An effect that was handed out this often without an answer is a dead letter.
MAX_DISPATCHES = int(os.environ.get("MAX_DISPATCHES", "5"))
# Below this many free bytes under `var` nothing new is claimed, so that a run never stops half-way for want of disk.
DISK_RESERVE_BYTES = int(os.environ.get("DISK_RESERVE_BYTES", str(200 * 1024 * 1024)))
# Below this much free disk no more work is claimed.
MIN_FREE_BYTES = int(os.environ.get("MIN_FREE_BYTES", str(200 * 1024 * 1024)))
UPLOAD_TOTAL_BYTES = int(os.environ.get("UPLOAD_TOTAL_BYTES", str(200 * 1024 * 1024)))
UPLOAD_MAX_BYTES = int(os.environ.get("UPLOAD_MAX_BYTES", str(10 * 1024 * 1024)))
PAYMENTS_DIR = Path(os.environ.get("PAYMENTS_DIR", VAR_DIR / "payments"))
# Servers that are not public and may still be called for a person: names, name:port, addresses or networks.
COUNTERSIGN_OUTGOING_ALLOW = [
    entry.strip() for entry in os.environ.get("OUTGOING_ALLOW", "").split(",") if entry.strip()
]

# ---- telling people ----
# The address under which people reach this installation: what links in messages begin with.
PUBLIC_URL = os.environ.get("PUBLIC_URL") or f"http://127.0.0.1:{os.environ.get('PORT') or 8000}/"
# What one agent causes within so many seconds travels in one message. Critical never waits for it.
NOTICE_WINDOW_SECONDS = float(os.environ.get("NOTICE_WINDOW_SECONDS", "120"))
# Without a mail server, mails are written as files, so that a trial shows what would be sent.
EMAIL_HOST = os.environ.get("EMAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "587" if flag("EMAIL_USE_TLS") else "25"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = flag("EMAIL_USE_TLS")
EMAIL_USE_SSL = flag("EMAIL_USE_SSL")
EMAIL_TIMEOUT = float(os.environ.get("EMAIL_TIMEOUT", "10"))
EMAIL_BACKEND = os.environ.get("EMAIL_BACKEND") or (
    "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_HOST
    else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_FILE_PATH = VAR_DIR / "mail"
DEFAULT_FROM_EMAIL = os.environ.get("EMAIL_FROM", "Countersign <countersign@localhost>")
