"""Playbooks: rules in groups, in versions that never change once a trade was held against them."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.fields import UUIDv7
from accounts.models import COLOR, OwnQuerySet, User


class Playbook(models.Model):
    """A way of trading that a person has written down as rules."""

    public_id = models.UUIDField(db_default=UUIDv7(), unique=True, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="playbooks", db_index=False)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True, max_length=5000)
    color = models.CharField(max_length=7, default="#6b7fd7", validators=[COLOR])
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Aggregate root: a way of trading, whose rules live in its versions"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="playbook_name_unique_per_owner",
                violation_error_message=_("You have a playbook of this name."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class PlaybookVersion(models.Model):
    """The rules of a playbook from one moment on. Once a trade was held against it, it stays as it is."""

    playbook = models.ForeignKey(Playbook, on_delete=models.CASCADE, related_name="versions", db_index=False)
    number = models.IntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table_comment = "Event log: what a playbook's rules were, version by version"
        constraints = [
            models.UniqueConstraint(fields=["playbook", "number"], name="playbook_version_unique"),
            models.CheckConstraint(name="playbook_version_positive", condition=Q(number__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.playbook_id} v{self.number}"


class PlaybookRule(models.Model):
    """One rule of one version. `key` is the same in all versions that have this rule, however it is worded."""

    version = models.ForeignKey(PlaybookVersion, on_delete=models.CASCADE, related_name="rules", db_index=False)
    key = models.UUIDField(default=uuid.uuid4)
    group = models.CharField(max_length=100, blank=True)
    text = models.CharField(max_length=500)
    position = models.IntegerField()

    class Meta:
        db_table_comment = "Event log: the rules of a version of a playbook"
        constraints = [
            models.UniqueConstraint(fields=["version", "key"], name="playbook_rule_unique"),
            models.UniqueConstraint(fields=["version", "position"], name="playbook_rule_position_unique"),
        ]

    def __str__(self) -> str:
        return self.text


class TradePlaybook(models.Model):
    """That a trade was taken by a playbook, held against the version of then. `trade_key`: see Attachment."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    trade_key = models.UUIDField(db_comment="Outside id of the trade")
    playbook = models.ForeignKey(Playbook, on_delete=models.CASCADE, related_name="trade_playbooks")
    version = models.ForeignKey(PlaybookVersion, on_delete=models.RESTRICT, related_name="+")

    objects = OwnQuerySet.as_manager()

    class Meta:
        db_table_comment = "Registry: by which playbook a trade was taken"
        constraints = [models.UniqueConstraint(fields=["trade_key", "playbook"], name="trade_playbook_unique")]
        indexes = [models.Index(fields=["owner", "playbook"], name="trade_playbook_owner")]

    def __str__(self) -> str:
        return f"{self.trade_key} {self.playbook_id}"


class RuleCheck(models.Model):
    """Whether a trade kept a rule. A rule without a check was not looked at."""

    trade_playbook = models.ForeignKey(TradePlaybook, on_delete=models.CASCADE, related_name="checks", db_index=False)
    rule = models.ForeignKey(PlaybookRule, on_delete=models.RESTRICT, related_name="checks")
    is_kept = models.BooleanField()

    class Meta:
        db_table_comment = "Registry: which rules a trade kept and which it broke"
        constraints = [models.UniqueConstraint(fields=["trade_playbook", "rule"], name="rule_check_unique")]

    def __str__(self) -> str:
        return f"{self.rule_id} {'kept' if self.is_kept else 'broken'}"
