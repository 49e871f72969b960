import json
import uuid

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError, OperationalError
from django.db.models import ProtectedError
from django.http import Http404
from django.test import Client, RequestFactory
from rest_framework.exceptions import ErrorDetail, Throttled, ValidationError

from accounts.errors import DomainError, TooManyAttempts
from accounts.models import Account
from config import problems
from tests.conftest import api_of
from tests.factories import make_user
from tests.waiting import done_at_once


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DomainError("No."), 400, "refused"),
        (TooManyAttempts("Wait.", wait=60), 429, "too_many_attempts"),
        (Http404("No Account matches the given query."), 404, "not_found"),
        (Account.DoesNotExist("secret"), 404, "not_found"),
        (PermissionDenied("No."), 403, "permission_denied"),
        (ProtectedError("secret", set()), 409, "in_use"),
        (IntegrityError("secret"), 409, "conflict"),
        (DataError("secret"), 400, "invalid_value"),
        (OperationalError("secret"), 503, "try_again"),
        (RequestDataTooBig("secret"), 413, "too_large"),
        (Throttled(wait=3), 429, "throttled"),
        (DjangoValidationError({"name": "Too long."}), 400, "invalid"),
    ],
)
def test_every_foreseen_error_has_its_answer(error: Exception, status: int, code: str) -> None:
    problem = problems.problem_of(error)

    assert problem is not None
    assert (problem.status, problem.code) == (status, code)
    assert "secret" not in problem.detail
    assert "Account" not in problem.detail


def test_what_nobody_foresaw_is_left_to_become_a_500() -> None:
    assert problems.problem_of(KeyError("x")) is None


def test_faults_are_pointed_at_however_deep() -> None:
    detail = {"accounts": {"3": {"name": [ErrorDetail("Too long.", code="max_length")]}}, "note": ["No."]}

    problem = problems.problem_of(ValidationError(detail))

    assert problem is not None
    assert problem.errors == [
        {"pointer": "/accounts/3/name", "code": "max_length", "detail": "Too long."},
        {"pointer": "/note", "code": "invalid", "detail": "No."},
    ]


def test_a_wait_is_told_in_the_header_too() -> None:
    problem = problems.problem_of(TooManyAttempts("Wait.", wait=60))

    assert problem is not None
    assert problem.headers == {"Retry-After": "60"}


@pytest.mark.parametrize(("path", "is_json"), [("/api/v1/accounts/", True), ("/login/", False)])
def test_a_500_of_the_api_is_a_problem_that_says_nothing(path: str, is_json: bool, db: None) -> None:
    answer = problems.server_error(RequestFactory().get(path))

    assert answer.status_code == 500
    assert (answer.headers["Content-Type"] == "application/problem+json") is is_json
    if is_json:
        assert json.loads(answer.content)["code"] == "server_error"


def test_a_missing_page_is_a_page_and_a_missing_answer_a_problem(client: Client, db: None) -> None:
    assert client.get("/nothing/").headers["Content-Type"].startswith("text/html")
    assert client.get("/api/nothing/").headers["Content-Type"] == "application/problem+json"


def test_a_request_id_is_ours_and_in_answer_and_problem(client: Client, db: None) -> None:
    answer = client.get("/api/v1/accounts/", headers={"X-Request-Id": "evil\nline"})

    assert answer.status_code == 401
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
    assert uuid.UUID(answer.json()["request_id"])


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_one_key_sent_ten_times_at_once_takes_effect_once() -> None:
    api = api_of(make_user())

    def post() -> tuple[int, str]:
        answer = api.post("/api/v1/accounts/", {"name": "Main"}, HTTP_IDEMPOTENCY_KEY="one")
        return answer.status_code, answer.json()["id"]

    assert set(done_at_once(*[post] * 10)) == {(201, str(Account.objects.get().public_id))}
