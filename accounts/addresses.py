"""The parameters of an address, as they were written before a middleware read more out of them."""

from django.http import HttpRequest, QueryDict


def written(request: HttpRequest) -> QueryDict:
    """The parameters as they stand in the address, for links that keep them."""
    query = getattr(request, "written", request.GET)
    assert isinstance(query, QueryDict)
    return query
