"""What people fill in about notes and their templates."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.text import one_line, paragraphs
from accounts.widgets import Paragraphs
from journal.filters import EARLIEST, LATEST
from journal.models import LONGEST_NOTE, Note, NoteKind, NoteTemplate
from journal.notes import Written
from trading.forms import MOST_TAGS, OwnAccountField
from trading.models import Tag


def cleaned(text: str, *, lines: bool = False) -> str:
    """The text without characters that hide or reorder. Raises ValidationError."""
    try:
        return paragraphs(text) if lines else one_line(text)
    except ValueError as error:
        raise ValidationError(f"{error}.".capitalize()) from error


class NoteForm(forms.Form):
    """A note on a day, an account, or both."""

    kind = forms.ChoiceField(choices=NoteKind.choices, label=gettext_lazy("Kind"), initial=NoteKind.NOTE)
    day = forms.DateField(
        required=False,
        label=gettext_lazy("Day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    account = OwnAccountField(
        max_length=100,
        required=False,
        label=gettext_lazy("Account"),
        widget=forms.TextInput(attrs={"list": "account-names", "autocomplete": "off"}),
    )
    title = forms.CharField(
        max_length=200,
        required=False,
        label=gettext_lazy("Title"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    text = forms.CharField(
        max_length=LONGEST_NOTE,
        required=False,
        strip=False,
        label=gettext_lazy("Text"),
        widget=Paragraphs(attrs={"rows": 14, "data-markdown": ""}),
    )
    rating = forms.TypedChoiceField(
        coerce=int,
        empty_value=None,
        required=False,
        label=gettext_lazy("How it went"),
        choices=[
            ("", gettext_lazy("Not rated")),
            ("1", gettext_lazy("1, badly")),
            ("2", "2"),
            ("3", "3"),
            ("4", "4"),
            ("5", gettext_lazy("5, very well")),
        ],
    )
    tags = forms.CharField(
        required=False,
        max_length=1000,
        label=gettext_lazy("Tags"),
        help_text=gettext_lazy("Several with commas between them."),
        widget=forms.TextInput(attrs={"data-tag-picker": "", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner
        field = self.fields["account"]
        assert isinstance(field, OwnAccountField)
        field.owner = owner

    @classmethod
    def of(cls, note: Note, *, owner: User) -> "NoteForm":
        """The form filled in with the note."""
        return cls(owner=owner, initial=initial_of(note))

    def clean_title(self) -> str:
        return cleaned(self.cleaned_data["title"])

    def clean_text(self) -> str:
        return cleaned(self.cleaned_data["text"], lines=True)

    def clean_day(self) -> Any:
        day = self.cleaned_data["day"]
        if day is not None and not EARLIEST <= day <= LATEST:
            raise ValidationError(_("This day is too far away."))
        return day

    def clean_tags(self) -> list[str]:
        names = [cleaned(part) for part in self.cleaned_data["tags"].split(",") if part.strip()]
        if len(names) > MOST_TAGS:
            raise ValidationError(_("At most %(count)s tags.") % {"count": MOST_TAGS})
        if any(len(name) > 50 for name in names):
            raise ValidationError(_("A tag has at most 50 characters."))
        return list(dict.fromkeys(names))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors and not values.get("text") and not values.get("title"):
            self.add_error("text", _("Write something, or leave the page: nothing is kept of an empty note."))
        if not self.errors and values.get("day") is None and values.get("account") is None:
            self.add_error("day", _("Say which day or which account the note is about."))
        return values

    def written(self) -> Written:
        """What stands in the note."""
        values = self.cleaned_data
        return Written(text=values["text"], title=values["title"], kind=values["kind"], rating=values["rating"])

    def own_tags(self) -> list[Tag]:
        """The tags, those made that the person did not have."""
        names: list[str] = self.cleaned_data["tags"]
        Tag.objects.bulk_create([Tag(owner=self.owner, name=name) for name in names], ignore_conflicts=True)
        return list(Tag.objects.for_user(self.owner).filter(name__in=names).order_by("name", "id"))


def initial_of(note: Note) -> dict[str, Any]:
    """The fields of the form as the note has them."""
    return {
        "kind": note.kind,
        "day": note.day,
        "account": note.account.name if note.account else "",
        "title": note.title,
        "text": note.text,
        "rating": note.rating or "",
        "tags": ", ".join(tag.name for tag in note.tags.order_by("name", "id")),
    }


class TemplateForm(forms.Form):
    """A template of notes."""

    name = forms.CharField(max_length=100, label=gettext_lazy("Name"))
    kind = forms.ChoiceField(choices=NoteKind.choices, label=gettext_lazy("Kind of note"))
    text = forms.CharField(
        max_length=LONGEST_NOTE,
        strip=False,
        label=gettext_lazy("Text"),
        widget=Paragraphs(attrs={"rows": 14, "data-markdown": ""}),
    )

    @classmethod
    def of(cls, template: NoteTemplate) -> "TemplateForm":
        """The form filled in with the template."""
        return cls(initial={"name": template.name, "kind": template.kind, "text": template.text})

    def clean_name(self) -> str:
        return cleaned(self.cleaned_data["name"])

    def clean_text(self) -> str:
        # Lines at the end are where one goes on writing.
        return cleaned(self.cleaned_data["text"], lines=True)


class FileForm(forms.Form):
    """A caption of a file."""

    caption = forms.CharField(max_length=300, required=False, label=gettext_lazy("Caption"))

    def clean_caption(self) -> str:
        return cleaned(self.cleaned_data["caption"])
