"""What the desk says in a person's feed besides fills."""

from accounts.models import ActivityEntry, User
from tests.trading.desk import funded, placed, quoted, share, ticket
from trading.imports import batches


def lines(owner: User, kind: str) -> list[tuple[str, str]]:
    """Text and link of the feed's lines of this kind."""
    return list(ActivityEntry.objects.for_user(owner).filter(kind=kind).values_list("text", "link"))


def test_an_order_that_is_refused_is_a_warning_with_its_reason_and_one_that_is_not_is_none(alice: User) -> None:
    account, acme = funded(alice, "1000", name="Small"), share()
    quoted(acme, "49", "50", bid_size="1000", ask_size="1000")
    placed(account, acme, ticket("buy", "1"))
    assert lines(alice, "warning") == []

    order = placed(account, acme, ticket("buy", "100"))
    assert order.status == "rejected"
    ((text, link),) = lines(alice, "warning")
    assert text == (
        "The order for ACME in Small was refused: This sets aside 5100, and 950 is available: "
        "reduce it to 18, or deposit money."
    )
    assert link == f"/desk/orders/{order.public_id}/"
    assert ActivityEntry.objects.get(kind="warning").account == account


def test_a_file_that_cannot_be_read_is_an_error_that_leads_to_its_page(alice: User) -> None:
    received = batches.receive(owner=alice, chunks=[b"\x00\x01 no table"], filename="broken.csv")
    refused = batches.look(received)
    assert refused.status == "refused"
    assert lines(alice, "error") == [
        (f"broken.csv was not imported: {refused.error_message}", f"/imports/{refused.public_id}/")
    ]
