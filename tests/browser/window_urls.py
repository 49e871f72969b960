"""The site with one more page: a table of a million rows that nobody has to store."""

from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.urls import path

from config.urls import urlpatterns as site

TOTAL = 1_000_000
#: What the rows are asked with; a test reads and changes it.
asked: list[int] = []
state = {"total": TOTAL, "fails": 0}

_PAGE = """{% extends "base.html" %}{% block content %}
<h1>Rows</h1>
<div data-window-scope>
<p data-window-bar hidden><b data-window-count></b> <button type="button" data-window-all>All</button></p>
<p data-window-shown></p>
<div class="window" id="rows" data-window data-window-url="/window-rows/?x=1" data-window-total="{{ total }}"
  data-window-row-height="36" data-window-page="100" aria-label="Rows">
<table class="table"><thead><tr><th scope="col"><input type="checkbox" data-select-all aria-label="All"></th>
<th scope="col">Name</th><th scope="col" class="n">Amount</th></tr></thead>
<tbody>{{ rows }}</tbody></table></div></div>{% endblock %}"""

_ROW = """<tr data-id="{0}"><td><input type="checkbox" data-select aria-label="Row {0}"></td>
<td><a class="row" href="/window/?opened={0}">Row {0}</a></td><td class="n">{0}.00</td></tr>"""


def _rows(start: int, count: int) -> str:
    return "".join(_ROW.format(number) for number in range(start, min(start + count, state["total"])))


def page(request: HttpRequest) -> HttpResponse:
    from django.utils.safestring import mark_safe

    context = {"rows": mark_safe(_rows(0, 100)), "total": state["total"], "request": request, "user": request.user}
    from journal.context import frame

    return HttpResponse(Template(_PAGE).render(Context({**context, **frame(request)})))


def rows(request: HttpRequest) -> HttpResponse:
    if state["fails"]:
        state["fails"] -= 1
        return HttpResponse(status=503)
    asked.append(int(request.GET["offset"]))
    answer = HttpResponse(_rows(int(request.GET["offset"]), int(request.GET["limit"])))
    answer.headers["X-Total"] = str(state["total"])
    return answer


urlpatterns = [path("window/", page), path("window-rows/", rows), *site]
handler400 = "config.problems.bad_request"
handler403 = "config.problems.permission_denied"
handler404 = "config.problems.page_not_found"
handler500 = "config.problems.server_error"
