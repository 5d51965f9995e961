"""The shared store: bounded in bytes, each value made once, safe for many threads."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from explainer.app.server.store import Store


def test_bytes_stay_within_the_limit_and_the_least_recently_used_goes_first() -> None:
    store: Store[str] = Store(100)
    for name in "abc":
        store.put(name, name, 33)
    assert store.get("a") == "a"  # now b is the one that was not used longest
    store.put("d", "d", 33)
    assert store.get("b") is None
    assert [store.get(name) for name in "acd"] == ["a", "c", "d"]
    assert store.nbytes == 99


def test_a_value_larger_than_the_limit_is_kept_alone() -> None:
    store: Store[str] = Store(100)
    store.put("small", "small", 10)
    store.put("large", "large", 1000)
    assert store.get("large") == "large"
    assert store.get("small") is None


def test_replacing_a_value_counts_it_once() -> None:
    store: Store[str] = Store(100)
    store.put("a", "old", 60)
    store.put("a", "new", 70)
    assert (store.get("a"), store.nbytes) == ("new", 70)


def test_twenty_threads_make_a_value_once() -> None:
    store: Store[int] = Store(100)
    made = []
    ready = threading.Barrier(20)

    def make() -> tuple[int, int]:
        made.append(threading.get_ident())
        time.sleep(0.05)
        return 42, 8

    def ask(_: int) -> int:
        ready.wait()
        return store.get_or_make("key", make)

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(20))) == [42] * 20
    assert len(made) == 1


def test_a_failed_making_leaves_nothing_behind() -> None:
    store: Store[int] = Store(100)

    def fail() -> tuple[int, int]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.get_or_make("key", fail)
    assert store.get("key") is None
    assert store.get_or_make("key", lambda: (7, 8)) == 7
