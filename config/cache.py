"""How answers are written in Redis."""

from typing import Any

import orjson
from django_redis.serializers.base import BaseSerializer


class OrjsonSerializer(BaseSerializer):
    """JSON by orjson; decimals are written as strings by whoever stores them."""

    def dumps(self, value: Any) -> bytes:
        return orjson.dumps(value)

    def loads(self, value: bytes) -> Any:
        return orjson.loads(value)
