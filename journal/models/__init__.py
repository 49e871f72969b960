"""Tables of what it means: stored sums, and what people write down."""

from journal.models.archive import Archive, ArchiveKind, ArchiveStatus
from journal.models.attachment import Attachment
from journal.models.note import LONGEST_NOTE, Draft, KeptQuerySet, Note, NoteKind, NoteTemplate
from journal.models.playbook import Playbook, PlaybookRule, PlaybookVersion, RuleCheck, TradePlaybook
from journal.models.rollup import (
    AccountTotals,
    DayRollup,
    DayVersion,
    FacetDay,
    FacetVersion,
    OwnerDay,
    RemarkVersion,
    ResultDay,
    RunDay,
    TotalsColumns,
)
from journal.models.saved_view import SavedView

__all__ = [
    "LONGEST_NOTE",
    "AccountTotals",
    "Archive",
    "ArchiveKind",
    "ArchiveStatus",
    "Attachment",
    "DayRollup",
    "DayVersion",
    "Draft",
    "FacetDay",
    "FacetVersion",
    "KeptQuerySet",
    "Note",
    "NoteKind",
    "NoteTemplate",
    "OwnerDay",
    "Playbook",
    "PlaybookRule",
    "PlaybookVersion",
    "RemarkVersion",
    "ResultDay",
    "RuleCheck",
    "RunDay",
    "SavedView",
    "TotalsColumns",
    "TradePlaybook",
]
