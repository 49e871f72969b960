"""The page on which it is chosen what was read for a decision: articles and analyses, also long after it was made."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import toasts
from accounts.models import User
from accounts.permissions import may_write_required, person_of
from intelligence import decision_lists, news
from intelligence.models import Decision, NewsArticle, StockAnalysis
from intelligence.neighbours import symbols_of
from trading.refusals import says_why

#: Of what is linked, and of what may be: rows of each kind on the page.
_LINKED, _OFFERED = 100, 25


@may_write_required
@require_http_methods(["GET", "HEAD", "POST"])
@says_why
def decision_read(request: HttpRequest, id: uuid.UUID) -> HttpResponseBase:
    """Articles and analyses that are linked or may be: of the decision's symbols, or with the words that are asked."""
    person = person_of(request)
    rows = decision_lists.shown(Decision.objects.for_user(person))
    decision = get_object_or_404(rows, public_id=id)
    if request.method == "POST":
        news.choose(decision, _choice(request.POST, person))
        toasts.say(request, _("Saved."))
        return redirect("decision_detail", id)
    words = request.GET.get("q", "").replace("\0", "").strip()[:100]
    instruments = [each.instrument_id for each in decision.named.all()]
    articles = NewsArticle.objects.for_user(person).order_by("-published_at", "-id")
    analyses = StockAnalysis.objects.for_user(person).select_related("instrument").order_by("-analyzed_at", "-id")
    more_articles, more_analyses = articles.exclude(decisions=decision), analyses.exclude(decisions=decision)
    if words:
        more_articles = more_articles.filter(title__icontains=words)
        more_analyses = more_analyses.filter(instrument__symbol__iexact=words)
    elif instruments:
        about = NewsArticle.instruments.through.objects.filter(instrument_id__in=instruments)
        more_articles = more_articles.filter(pk__in=about.values("newsarticle_id"))
        more_analyses = more_analyses.filter(instrument_id__in=instruments)
    context = {
        "decision": decision,
        "symbols": symbols_of(decision),
        "words": words,
        "articles": _choices(articles.filter(decisions=decision), more_articles),
        "analyses": _choices(analyses.filter(decisions=decision), more_analyses),
    }
    return render(request, "intelligence/decision_read.html", context)


def _choices(linked: Any, more: Any) -> list[tuple[Any, bool]]:
    return [*((each, True) for each in linked[:_LINKED]), *((each, False) for each in more[:_OFFERED])]


def _choice(sent: QueryDict, person: User) -> news.Choice:
    """What was shown and what was ticked; what is nobody's or somebody else's is left out."""
    articles, analyses = NewsArticle.objects.for_user(person), StockAnalysis.objects.for_user(person)
    return news.Choice(
        shown_articles=list(articles.filter(public_id__in=_ids(sent, "shown_article"))),
        chosen_articles=list(articles.filter(public_id__in=_ids(sent, "article"))),
        shown_analyses=list(analyses.filter(public_id__in=_ids(sent, "shown_analysis"))),
        chosen_analyses=list(analyses.filter(public_id__in=_ids(sent, "analysis"))),
    )


def _ids(sent: QueryDict, name: str) -> list[uuid.UUID]:
    found = []
    for text in sent.getlist(name)[: _LINKED + _OFFERED]:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found
