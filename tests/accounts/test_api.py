from rest_framework.test import APIClient

from accounts.models import Account, User


def test_an_account_is_made_read_changed_and_deleted(alice_api: APIClient, alice: User) -> None:
    made = alice_api.post("/api/v1/accounts/", {"name": "Main", "initial_balance": "1000.50"})
    assert made.status_code == 201, made.content
    body = made.json()
    assert body["initial_balance"] == "1000.5"
    path = f"/api/v1/accounts/{body['id']}/"

    assert alice_api.get(path).json() == body
    changed = alice_api.patch(path, {"name": "Renamed"})
    assert changed.json()["name"] == "Renamed"
    assert alice_api.delete(path).status_code == 204
    assert not Account.objects.for_user(alice).exists()
