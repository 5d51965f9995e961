"""Values that all sessions share, bounded in bytes: made once, the least recently used evicted first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Store(Generic[Value]):
    """A thread-safe map from plain keys to immutable values, whose sizes add up to at most ``limit`` bytes.

    The newest value always stays, even when it alone is larger than the limit.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._values: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Value | None:
        """The value of ``key``, or None if it was never put or has been evicted."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        """Keep ``value``, which takes ``size`` bytes."""
        with self._lock:
            self._values[key] = (value, size)
            self._values.move_to_end(key)
            while self.nbytes > self.limit and len(self._values) > 1:
                self._values.popitem(last=False)

    def get_or_make(self, key: Hashable, make: Callable[[], tuple[Value, int]]) -> Value:
        """The value of ``key``; the first who asks makes it (and its size), everyone else waits for that one."""
        if (found := self.get(key)) is not None:
            return found
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            if (found := self.get(key)) is None:
                try:
                    found, size = make()
                    self.put(key, found, size)
                finally:
                    with self._lock:
                        self._making.pop(key, None)
            return found

    def drop(self, part: Hashable) -> None:
        """Forget every value whose key is ``part``, or a tuple that holds it."""
        with self._lock:
            for key in [key for key in self._values if key == part or (isinstance(key, tuple) and part in key)]:
                del self._values[key]

    @property
    def nbytes(self) -> int:
        """The bytes of all values kept."""
        return sum(size for _, size in self._values.values())
