"""People: who signs in, and what is known of them as clients."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.fields import UUIDv7


class UserManager(BaseUserManager["User"]):
    """Creates people by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """A person with a normalised e-mail address and a hashed password (unusable when None)."""
        if not email:
            raise ValueError("an e-mail address is required")
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """A person who may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, username: str | None) -> "User":
        """The person with this e-mail address, whatever its letter case."""
        return self.get(email__iexact=username)


class Theme(models.TextChoices):
    SYSTEM = "system", _("As the system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class Language(models.TextChoices):
    BROWSER = "", _("As the browser")
    ENGLISH = "en", "English"
    FRENCH = "fr", "Français"


class User(AbstractBaseUser, PermissionsMixin):
    """Someone who signs in. The e-mail address is the name."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    email = models.EmailField(unique=True, error_messages={"unique": _("Someone has signed up with this address.")})
    is_staff = models.BooleanField(_("may use the admin"), default=False)
    is_active = models.BooleanField(_("may sign in"), default=True)
    date_joined = models.DateTimeField(auto_now_add=True)
    reporting_currency = models.CharField(max_length=12, default="USD")
    time_zone = models.CharField(max_length=64, default="UTC")
    theme = models.CharField(max_length=6, choices=Theme, default=Theme.SYSTEM)
    language = models.CharField(max_length=2, choices=Language, default=Language.BROWSER, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        db_table_comment = "Aggregate root: a person who signs in"
        constraints = [models.UniqueConstraint(Lower("email"), name="idx_clients_email")]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return self.email

    def get_short_name(self) -> str:
        return self.email.partition("@")[0]


class OwnerVersion(models.Model):
    """A number per person that grows with every change of what their answers are made of."""

    owner = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="owner_version")
    version = models.BigIntegerField(default=1)

    class Meta:
        db_table_comment = "Version counter: cache keys and ETags hold it, so old answers become unreachable"
        constraints = [models.CheckConstraint(name="owner_version_positive", condition=Q(version__gte=1))]

    def __str__(self) -> str:
        return f"{self.owner_id} v{self.version}"


class ClientStatus(models.TextChoices):
    PENDING = "pending", _("Pending")
    ACTIVE = "active", _("Active")
    SUSPENDED = "suspended", _("Suspended")
    REJECTED = "rejected", _("Rejected")


class Client(models.Model):
    """What is known of a person, and whether they may act: suspended and rejected people read and cannot write."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="client")
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    date_of_birth = models.DateField(null=True, blank=True)
    phone = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=9, choices=ClientStatus, default=ClientStatus.PENDING)
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table_comment = "Registry: what is known of a person, with the status that decides whether they may write"
        constraints = [models.CheckConstraint(name="clients_status_check", condition=Q(status__in=ClientStatus.values))]
        indexes = [models.Index(fields=["status"], name="idx_clients_status")]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or str(self.user)

    @property
    def may_write(self) -> bool:
        """Whether this person may change anything."""
        return self.status in (ClientStatus.PENDING, ClientStatus.ACTIVE)
