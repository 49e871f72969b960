"""All settings, read from the environment; `.env.example` lists them."""

import decimal
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from config.env import env_bool, env_int, env_list, env_str, kept_secret

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env_str("VAR_DIR", str(BASE_DIR / "var")))

# The default precision of 28 digits silently rounds sums of NUMERIC(28,12).
decimal.DefaultContext.prec = 60
decimal.getcontext().prec = 60

# ---------------------------------------------------------------- services
DATABASE_URL = env_str("DATABASE_URL")
REDIS_URL = env_str("REDIS_URL")
MIGRATION_DATABASE_URL = env_str("MIGRATION_DATABASE_URL") or DATABASE_URL
BROKER_URL = env_str("BROKER_URL") or REDIS_URL
EMBEDDED_SERVICES = env_bool("EMBEDDED_SERVICES", default=True)
if EMBEDDED_SERVICES and not (DATABASE_URL and REDIS_URL):
    from config import embedded

    _services = embedded.ensure(VAR_DIR, throwaway=env_bool("EMBEDDED_THROWAWAY", default=False))
    if not REDIS_URL:
        REDIS_URL = _services.redis_url
        BROKER_URL = _services.broker_url
    if not DATABASE_URL:
        DATABASE_URL = _services.database_url
        MIGRATION_DATABASE_URL = _services.owner_database_url


_KEEPS_PLANS = env_bool("PREPARED_STATEMENTS", default=True)


def _database(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "config.kept_connection",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": query.pop("port", None) or (str(parts.port) if parts.port else ""),
        "CONN_MAX_AGE": env_int("CONN_MAX_AGE", 60),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            # Of accounts.prepared alone: what the ORM asks has its values in it. A plan is made once and kept; left to
            # itself PostgreSQL plans a statement with arrays each time, which took longer than the rest of an order.
            **({"prepare_threshold": 0, "options": "-c plan_cache_mode=force_generic_plan"} if _KEEPS_PLANS else {}),
            **query,
        },
    }


# Migrations run as the role that owns the tables, everything else as a lesser one:
# or else "append-only" would be a promise that the application itself could break.
DATABASES: dict[str, dict[str, Any]] = {
    "default": _database(DATABASE_URL),
    "owner": {**_database(MIGRATION_DATABASE_URL), "TEST": {"MIRROR": "default"}},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {
            # A hung server must cost speed only: with the defaults one request took 10 s.
            "SOCKET_CONNECT_TIMEOUT": 0.1,
            "SOCKET_TIMEOUT": 0.1,
            # JSON, never pickle: a writable Redis must not be code execution.
            "SERIALIZER": "config.cache.OrjsonSerializer",
        },
        "KEY_PREFIX": "journal",
    }
}

# ---------------------------------------------------------------- the site
DEBUG = env_bool("DEBUG", default=False)
SECRET_KEY = env_str("SECRET_KEY")
if not SECRET_KEY and EMBEDDED_SERVICES:
    SECRET_KEY = kept_secret(VAR_DIR / "secret_key")
SECRET_KEY = SECRET_KEY or "only-for-commands-that-serve-nothing"
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")
#: What seals the keys of brokers. The first seals, all of them open.
CREDENTIALS_KEYS = [key for key in [env_str("CREDENTIALS_KEY"), *env_list("CREDENTIALS_KEY_FALLBACKS")] if key]
if not CREDENTIALS_KEYS and EMBEDDED_SERVICES:
    CREDENTIALS_KEYS = [kept_secret(VAR_DIR / "credentials_key")]
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
HTTPS = env_bool("HTTPS", default=False)

INSTALLED_APPS = [
    "config.apps.OperatorsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_filters",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "accounts",
    "trading",
    "journal",
    "intelligence",
    "config.apps.ProjectConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.RequestIdMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.LocaleMiddleware",
    "accounts.middleware.SignedOutMiddleware",
    "accounts.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.ToastMiddleware",
    "journal.middleware.AccountSetMiddleware",
    "config.middleware.NotAllowedMiddleware",
]

FORM_RENDERER = "config.form_renderer.Renderer"
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
                "journal.context.frame",
            ]
        },
    }
]

# ---------------------------------------------------------------- people
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
#: Where one goes from a page that leads nowhere else.
HOME_URL = "dashboard"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_RESET_TIMEOUT = 3600
#: How many proxies of our own stand in front; only what they appended to X-Forwarded-For is believed.
PROXY_COUNT = env_int("PROXY_COUNT", 0)
SIGN_UP_OPEN = env_bool("SIGN_UP_OPEN", default=True)

# ---------------------------------------------------------------- security
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = env_int("SESSION_HOURS", 12) * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
CSRF_FAILURE_VIEW = "config.problems.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# The names are those of Django 6, so that its own middleware can take over.
SECURE_CSP = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "connect-src": ["'self'"],
    "font-src": ["'self'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "object-src": ["'none'"],
    "frame-ancestors": ["'none'"],
    "manifest-src": ["'self'"],
    "worker-src": ["'self'"],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

# ---------------------------------------------------------------- files
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS: list[Any] = []
_charts = BASE_DIR / "node_modules" / "lightweight-charts" / "dist"
if _charts.is_dir():
    # The charts come from the npm package; without it pages fall back to server-drawn ones.
    STATICFILES_DIRS.append(("vendor/lightweight-charts", _charts))
_HAS_MANIFEST = env_bool("STATIC_MANIFEST", default=False)
if EMBEDDED_SERVICES and not _HAS_MANIFEST:
    # Files are served from where they are written; the empty folder keeps WhiteNoise from warning that there is none.
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _HAS_MANIFEST
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = True
MEDIA_ROOT = Path(env_str("MEDIA_ROOT", str(VAR_DIR / "media")))
FILE_UPLOAD_PERMISSIONS = 0o600
IMPORT_MAX_BYTES = env_int("IMPORT_MAX_MEGABYTES", 512) * 1024 * 1024
#: An export of everything that somebody brings here: as it is sent, and unpacked.
ARCHIVE_MAX_BYTES = env_int("ARCHIVE_MAX_MEGABYTES", 2048) * 1024 * 1024
ARCHIVE_MAX_UNPACKED_BYTES = 16 * ARCHIVE_MAX_BYTES
#: What a person keeps with trades and notes: one file at most, and all of them together.
ATTACHMENT_MAX_BYTES = env_int("ATTACHMENT_MAX_MEGABYTES", 10) * 1024 * 1024
ATTACHMENT_QUOTA_BYTES = env_int("ATTACHMENT_QUOTA_MEGABYTES", 1024) * 1024 * 1024
#: Files up to this size are previewed within the request; larger ones by the worker.
IMPORT_INLINE_BYTES = 2 * 1024 * 1024

# ---------------------------------------------------------------- backups
BACKUP_DIR = Path(env_str("BACKUP_DIR", str(VAR_DIR / "backups")))
#: How long one is kept; the newest good one stays whatever its age.
BACKUP_DAYS = env_int("BACKUP_DAYS", 7)
#: Set, the dump is encrypted with it. Without it again nobody can read it, so it is kept elsewhere too.
BACKUP_KEY = env_str("BACKUP_KEY")
#: The folder of pg_dump and pg_restore, where they are not found by themselves.
POSTGRES_BIN = env_str("POSTGRES_BIN")

# ---------------------------------------------------------------- language and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
FORMAT_MODULE_PATH = "config.formats"
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# ---------------------------------------------------------------- e-mail
EMAIL_HOST = env_str("EMAIL_HOST")
EMAIL_PORT = env_int("EMAIL_PORT", 587)
EMAIL_HOST_USER = env_str("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env_str("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", default=True)
DEFAULT_FROM_EMAIL = env_str("DEFAULT_FROM_EMAIL", "journal@localhost")
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend" if EMAIL_HOST else "django.core.mail.backends.console.EmailBackend"
)

# ---------------------------------------------------------------- API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.MayReadOwnOrWrite"],
    "DEFAULT_RENDERER_CLASSES": ["config.api_json.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api_json.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.problems.handle",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DATETIME_FORMAT": "iso-8601",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Trading journal API",
    "DESCRIPTION": "Accounts, trades, imports and metrics. Decimals are strings, times carry an offset.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    # Fields of one name with different choices; without names of their own they would be numbered.
    "ENUM_NAME_OVERRIDES": {
        "AccountKindEnum": "accounts.models.AccountKind",
        "AccountStatusEnum": "accounts.models.AccountStatus",
        "ActivityKindEnum": "accounts.models.ActivityKind",
        "WrittenActivityKindEnum": "accounts.activity.WRITABLE_CHOICES",
        "ActorKindEnum": "intelligence.models.ActorKind",
        "BatchStatusEnum": "trading.models.BatchStatus",
        "BreakerScopeEnum": "trading.models.BreakerScope",
        "DecisionActionEnum": "intelligence.models.DecisionAction",
        "EquityGapEnum": "trading.models.EquityGap",
        "ExecutionSourceEnum": "trading.models.ExecutionSource",
        "InstrumentKindEnum": "trading.models.InstrumentKind",
        "InstrumentStatusEnum": "trading.models.InstrumentStatus",
        "LedgerKindEnum": "accounts.models.LedgerKind",
        "NoteKindEnum": "journal.models.NoteKind",
        "OutcomeEnum": "trading.models.Outcome",
        "OutcomeSourceEnum": "intelligence.models.OutcomeSource",
        "RowOutcomeEnum": "trading.models.RowOutcome",
        "SideEnum": "trading.models.Side",
        "TagRoleEnum": "trading.models.TagRole",
        "TokenScopeEnum": "accounts.models.TokenScope",
        "TradeSideEnum": "trading.models.TradeSide",
        "TradeStatusEnum": "trading.models.TradeStatus",
    },
}

# ---------------------------------------------------------------- Celery
CELERY_BROKER_URL = BROKER_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# Three times more and no more: a task that kills whoever does it would be given back for ever.
CELERY_TASK_RETRY_ON_WORKER_LOST = True
CELERY_TASK_ANNOTATIONS = {"*": {"default_retry_delay": 2}}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 3600
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3700,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_timeout": 30,
    "socket_keepalive": True,
    "global_keyprefix": "celery:",
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")

# ---------------------------------------------------------------- the paper venue
#: Fees and slippage of simulated fills: money per order and per unit, fractions of the value and of the price.
PAPER_TERMS = {
    "fee_per_order": Decimal(env_str("PAPER_FEE_PER_ORDER", "0")),
    "fee_per_unit": Decimal(env_str("PAPER_FEE_PER_UNIT", "0")),
    "fee_ratio": Decimal(env_str("PAPER_FEE_RATIO", "0")),
    "slippage": Decimal(env_str("PAPER_SLIPPAGE", "0")),
}

# ---------------------------------------------------------------- brokers
#: Where Alpaca answers; another address serves to try things out (`manage.py alpaca_stand_in`).
ALPACA_PAPER_URL = env_str("ALPACA_PAPER_URL", "https://paper-api.alpaca.markets")
ALPACA_LIVE_URL = env_str("ALPACA_LIVE_URL", "https://api.alpaca.markets")
ALPACA_DATA_URL = env_str("ALPACA_DATA_URL", "https://data.alpaca.markets")
#: Seconds that one answer may take.
BROKER_TIMEOUT = env_int("BROKER_TIMEOUT", 10)

# ---------------------------------------------------------------- wallets
#: What Helius echoes in `Authorization`; two while one is replaced by the other.
HELIUS_WEBHOOK_SECRETS = env_list("HELIUS_WEBHOOK_SECRETS")
#: Secrets of other senders, which sign what they send: "bot=first|second, other=third".
WEBHOOK_SECRETS = env_list("WEBHOOK_SECRETS")
#: The address under which Helius reaches this installation, with /api/v1/webhooks/helius/ at its end.
HELIUS_WEBHOOK_URL = env_str("HELIUS_WEBHOOK_URL")
HELIUS_API_KEY = env_str("HELIUS_API_KEY")
HELIUS_URL = env_str("HELIUS_URL", "https://api.helius.xyz").rstrip("/")
HELIUS_RPC_URL = env_str("HELIUS_RPC_URL", "https://mainnet.helius-rpc.com").rstrip("/")
#: Nobody is asked whose address is not written down: https://api.rugcheck.xyz and https://api.dexscreener.com
RUGCHECK_URL = env_str("RUGCHECK_URL").rstrip("/")
DEXSCREENER_URL = env_str("DEXSCREENER_URL").rstrip("/")
#: Seconds for everything that is asked about the token of one purchase, and for which a source that did not answer then
#: is passed over.
TOKEN_LOOKUP_SECONDS = env_int("TOKEN_LOOKUP_SECONDS", 4)
TOKEN_SOURCE_PAUSE_SECONDS = env_int("TOKEN_SOURCE_PAUSE_SECONDS", 30)
#: Days for which deliveries that were read are kept; 0 keeps them for good.
DELIVERY_DAYS = env_int("DELIVERY_DAYS", 90)

# ---------------------------------------------------------------- the memory
#: minilm, hash or http; without a choice minilm where requirements-embed.txt is installed, else hash.
EMBEDDER = env_str("EMBEDDER")
#: Of http: where the model is, what it is called, and how it is spoken to (ollama or openai).
EMBEDDING_URL = env_str("EMBEDDING_URL")
EMBEDDING_MODEL = env_str("EMBEDDING_MODEL")
EMBEDDING_API = env_str("EMBEDDING_API", "ollama")
EMBEDDING_API_KEY = env_str("EMBEDDING_API_KEY")
EMBEDDING_DIMENSIONS = env_int("EMBEDDING_DIMENSIONS", 768)
EMBEDDING_SECONDS = env_int("EMBEDDING_SECONDS", 30)
#: The networks in which that server may be; what a person wrote is sent nowhere else.
EMBEDDING_NETWORKS = env_list(
    "EMBEDDING_NETWORKS", "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
)
#: PostgreSQL's name of the language whose endings full-text search over the memory cuts off.
MEMORY_LANGUAGE = env_str("MEMORY_LANGUAGE", "english")
#: Up to so many texts of one person every one of them is compared; past it the approximate index is asked, if built.
MEMORY_EXACT_UP_TO = env_int("MEMORY_EXACT_UP_TO", 20_000)
#: Addresses of https from which `load_news` loads without being told others.
NEWS_FEEDS = env_list("NEWS_FEEDS")
#: What outcomes are held against, where there are daily bars of it.
MEMORY_BENCHMARK = env_str("MEMORY_BENCHMARK", "SPY")

# ---------------------------------------------------------------- logs
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env_str("LOG_LEVEL", "INFO")},
    "loggers": {"django.server": {"level": "WARNING"}},
}
