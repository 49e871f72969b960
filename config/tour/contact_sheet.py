"""The pictures of a tour on one page, with what was found wrong beside them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.template.loader import render_to_string

from config.tour.walking import Visit

#: What is counted, in the order of the columns, and what it is called.
KINDS = {
    "broken": "broken",
    "sideways": "scrolls sideways",
    "console": "script errors",
    "csp": "stopped by the policy",
    "axe": "accessibility",
}


def write(folder: Path, visits: Mapping[str, Sequence[Visit]], absent: Mapping[str, Sequence[str]]) -> Path:
    """`index.html` and `summary.json` are in the folder; returns the former's place."""
    sheets = [
        {
            "size": size,
            "absent": absent.get(size, ()),
            "pages": [
                {
                    "name": visit.name,
                    "path": visit.path,
                    "width": visit.width,
                    "milliseconds": visit.server_milliseconds,
                    "faults": [f"{KINDS[kind]}: {words}" for kind, words in visit.faults],
                    "pictures": [(theme, f"{size}/{name}") for theme, name in visit.pictures.items()],
                }
                for visit in found
            ],
        }
        for size, found in visits.items()
    ]
    index = folder / "index.html"
    index.write_text(render_to_string("contact_sheet.html", {"sheets": sheets}))
    (folder / "summary.json").write_text(json.dumps(sheets, indent=1))
    return index


def lines(visits: Mapping[str, Sequence[Visit]]) -> list[str]:
    """A line for every page and width with a fault, the faults below it, and a line of totals for each size."""
    told = []
    for size, found in visits.items():
        for visit in found:
            if visit.faults:
                told.append(f"{size}/{visit.name} at {visit.width} px  {visit.path}")
                told += [f"    {KINDS[kind]}: {words}" for kind, words in visit.faults]
        counted = Counter(kind for visit in found for kind, _ in visit.faults)
        pictures = sum(len(visit.pictures) for visit in found)
        wrong = ", ".join(f"{counted[kind]} {words}" for kind, words in KINDS.items() if counted[kind])
        slowest = max(found, key=lambda visit: visit.server_milliseconds, default=None)
        slow = f"; slowest answer {slowest.server_milliseconds} ms ({slowest.name})" if slowest else ""
        told.append(f"{size}: {pictures} pictures, {wrong or 'nothing wrong'}{slow}")
    return told
