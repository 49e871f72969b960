"""What scripts are answered once nobody is signed in any more."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_script_is_never_led_to_the_page_to_sign_in_on(client: Client, method: str) -> None:
    places = ["/trades/", "/drafts/", "/trades/review/01890000-0000-7000-8000-000000000000/"]
    for place in places:
        for headers in ({"HX-Request": "true"}, {"X-Requested-With": "fetch"}):
            answer = getattr(client, method)(place, headers=headers)
            assert (answer.status_code, answer.content) == (401, b"You were signed out."), (place, headers)

        answer = getattr(client, method)(place)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/login/?next={place}")
