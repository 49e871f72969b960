"""Column types for money, prices and outside ids, and the CHECK that keeps NaN out of them."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Func, Q

#: A money column is NUMERIC(20,8): the largest amount it can hold, rounded down.
LARGEST_MONEY = Decimal("999999999999")
LARGEST_PRICE = Decimal("9999999999999999")


class UUIDv7(Func):
    """PostgreSQL 18's own time-ordered UUID, so that COPY fills it as well."""

    function = "uuidv7"
    template = "%(function)s()"
    output_field = models.UUIDField()


if TYPE_CHECKING:
    # To the type checker they are what they extend: it then knows which columns may be NULL.
    MoneyField = models.DecimalField
    PriceField = models.DecimalField
else:

    class MoneyField(models.DecimalField):
        """An amount of money with 8 decimals."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["max_digits"], kwargs["decimal_places"] = 20, 8
            super().__init__(*args, **kwargs)

    class PriceField(models.DecimalField):
        """A price, quantity, rate or ratio with 12 decimals."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["max_digits"], kwargs["decimal_places"] = 28, 12
            super().__init__(*args, **kwargs)


def finite(name: str, **fields: Decimal) -> models.CheckConstraint:
    """A CHECK that every named column is at most its bound or NULL; NaN sorts above every number and is refused.

    `CHECK (price > 0)` alone accepts NaN, and one NaN makes every sum NaN.
    """
    condition = Q()
    for field, largest in fields.items():
        condition &= Q(**{f"{field}__lte": largest}) | Q(**{f"{field}__isnull": True})
    return models.CheckConstraint(name=name, condition=condition)
