"""Groups and labels of the sample's accounts."""

from collections.abc import Mapping, Sequence
from typing import Any

from accounts.models import Account, AccountGroup, AccountTag, User
from journal.sample_files.fleet import SampleAccount
from journal.sample_words.made import Made, chance

_GROUPS = {
    "Funded accounts": "#4c6ef5",
    "Evaluations": "#fab005",
    "Own capital": "#12b886",
    "Retirement": "#7950f2",
    "Practice": "#868e96",
}
_LABELS = {"copied": "#15aabf", "leader": "#e64980", "long term": "#82c91e", "payout due": "#fd7e14"}


def write(owner: User, accounts: Sequence[SampleAccount], opened: Mapping[str, Account], *, made: Made) -> None:
    """Each account is in a group, and some carry labels."""
    groups = {
        name: _found_or_made(AccountGroup, owner, name, color, made=made, position=place)
        for place, (name, color) in enumerate(_GROUPS.items())
    }
    labels = {name: _found_or_made(AccountTag, owner, name, color, made=made) for name, color in _LABELS.items()}
    changed, links = [], []
    for each in accounts:
        account = opened[each.number]
        account.group = groups[_group_of(each)]
        changed.append(account)
        links += [(account.pk, labels[name].pk) for name in _labels_of(each)]
    Account.objects.bulk_update(changed, ["group"], batch_size=500)
    through = Account.tags.through
    through.objects.bulk_create(
        (through(account_id=account, accounttag_id=label) for account, label in links), ignore_conflicts=True
    )


def remove(owner: User, made: Made) -> None:
    """Groups and labels that no account of one's own has are gone."""
    in_use = Account.objects.for_user(owner).filter(is_sample=False)
    groups = AccountGroup.objects.for_user(owner).filter(pk__in=made.of("accountgroup"))
    groups.exclude(pk__in=in_use.exclude(group=None).values("group")).delete()
    labels = AccountTag.objects.for_user(owner).filter(pk__in=made.of("accounttag"))
    labels.exclude(pk__in=in_use.exclude(tags=None).values("tags")).delete()


def _group_of(account: SampleAccount) -> str:
    if account.kind == "paper":
        return "Practice"
    if account.kind == "prop":
        return "Evaluations" if account.group == "projectx_trades" else "Funded accounts"
    return "Retirement" if "Pension" in account.name else "Own capital"


def _labels_of(account: SampleAccount) -> list[str]:
    found = []
    if account.kind == "prop":
        found.append("leader" if account.place == 0 else "copied")
        if chance(8, account.number) == 0:
            found.append("payout due")
    if "Pension" in account.name or "Income" in account.name:
        found.append("long term")
    return found


def _found_or_made(model: Any, owner: User, name: str, color: str, *, made: Made, **fields: Any) -> Any:
    row, is_new = model.objects.get_or_create(owner=owner, name=name, defaults={"color": color, **fields})
    if is_new:
        made.note(model._meta.model_name, [row])
    return row
