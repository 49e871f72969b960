"""What accounts tell the apps above them."""

from django.dispatch import Signal

#: Sent inside the transaction that changed an account's zone, day start or cost method: its fills must be matched and
#: dated anew. Arguments: account.
account_rules_changed = Signal()

#: Sent inside the transaction before an account's rows go. Arguments: account.
account_deleted = Signal()
