"""Slots for forward passes: as many as the machine has cores for, and cheap work goes before dear work."""

import threading
from collections import deque
from types import TracebackType


class ForwardSlots:
    """Whoever computes holds a slot. One click's pass takes it here; work of many passes takes it from ``dear``.

    Dear work has one slot at most, so that where there are two another one stays for clicks. It hands its slot back
    between two batches, and gets it again when no click waits, in turn with the other dear work.
    """

    def __init__(self, count: int) -> None:
        self.count = self._free = count
        self._changed = threading.Condition()
        self._clicks = 0  # that wait
        self.dear = DearSlot(self)

    def acquire(self, timeout: float | None = None) -> bool:
        """Wait for a slot; whether there was one in ``timeout`` seconds."""
        with self._changed:
            self._clicks += 1
            try:
                if not self._changed.wait_for(lambda: self._free > 0, timeout):
                    return False
                self._free -= 1
                return True
            finally:
                self._clicks -= 1
                self._changed.notify_all()

    def release(self) -> None:
        """Give a slot back.

        Raises:
            ValueError: if none was taken.
        """
        with self._changed:
            if self._free == self.count:
                raise ValueError("a slot is given back that nobody has taken")
            self._free += 1
            self._changed.notify_all()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


class DearSlot:
    """The slot of work that takes many forward passes: one for all of it, first come, first served."""

    def __init__(self, slots: ForwardSlots) -> None:
        self._slots = slots
        self._waiting: deque[object] = deque()
        self._is_taken = False

    def acquire(self) -> None:
        """Wait until it is one's turn and no click waits."""
        slots, ticket = self._slots, object()
        with slots._changed:
            self._waiting.append(ticket)
            try:
                slots._changed.wait_for(
                    lambda: self._waiting[0] is ticket and not self._is_taken and slots._free > 0 and not slots._clicks
                )
                self._is_taken = True
                slots._free -= 1
            finally:
                self._waiting.remove(ticket)
                slots._changed.notify_all()

    def release(self) -> None:
        """Give it back, at the latest after one batch."""
        with self._slots._changed:
            self._is_taken = False
            self._slots.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()
