"""The page of an instrument: what was read about it, what was said of it, and what was decided."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.permissions import person_of
from intelligence import decision_lists, decision_stats
from intelligence.models import Decision, NewsArticle, StockAnalysis
from intelligence.neighbours import symbols_of
from journal import trade_charts
from trading.instruments import visible_to
from trading.models import Instrument

_MOST = 25


@login_required
@require_safe
def instrument_detail(request: HttpRequest, id: uuid.UUID) -> HttpResponse:
    """News, analyses and decisions of one instrument, for its reader alone."""
    person = person_of(request)
    instrument = Instrument.objects.filter(public_id=id).first()
    news = NewsArticle.objects.for_user(person).filter(instruments=instrument)
    analyses = StockAnalysis.objects.for_user(person).filter(instrument=instrument)
    decided = Decision.objects.for_user(person).filter(named__instrument=instrument)
    is_own = instrument is not None and (news.exists() or analyses.exists() or decided.exists())
    if instrument is None or not (is_own or visible_to(person).filter(pk=instrument.pk).exists()):
        # That a symbol is known here would tell that somebody trades it.
        raise Http404
    rows = decision_lists.shown(decided).order_by("-decided_at", "-id")[:_MOST]
    context = {
        "instrument": instrument,
        "chart": trade_charts.market_chart(person, instrument),
        "news": news.order_by("-published_at", "-id")[:_MOST],
        "analyses": analyses.order_by("-analyzed_at", "-id")[:_MOST],
        "rows": [(row, symbols_of(row), getattr(row, "outcome", None)) for row in rows],
        "overall": decision_stats.overall(decided),
    }
    return render(request, "intelligence/instrument_detail.html", context)
