"""The cache forgets what was used longest ago, by number and by size."""

from graph.engine.cache import Cache


def kept(cache: Cache[str], keys: str) -> str:
    return "".join(key for key in keys if cache.get(key) is not None)


def test_what_was_put_last_is_kept_when_there_are_too_many():
    cache: Cache[str] = Cache(2, 100)
    for key in "abc":
        cache.put(key, key.upper(), 1)

    assert len(cache) == 2
    assert kept(cache, "abc") == "bc"


def test_what_was_asked_for_counts_as_used():
    cache: Cache[str] = Cache(2, 100)
    cache.put("a", "A", 1)
    cache.put("b", "B", 1)

    assert cache.get("a") == "A"
    cache.put("c", "C", 1)

    assert kept(cache, "abc") == "ac"


def test_size_counts_as_number_does():
    cache: Cache[str] = Cache(100, 10)
    cache.put("a", "A", 6)
    cache.put("b", "B", 3)
    cache.put("c", "C", 5)

    assert kept(cache, "abc") == "bc"


def test_what_is_too_large_alone_drives_nothing_out():
    cache: Cache[str] = Cache(100, 10)
    cache.put("a", "A", 6)
    cache.put("b", "B", 11)

    assert kept(cache, "ab") == "a"


def test_a_replaced_value_gives_its_size_back():
    cache: Cache[str] = Cache(100, 10)
    for _ in range(50):
        cache.put("a", "A", 5)
    cache.put("b", "B", 5)
    cache.put("a", "new", 1)

    assert len(cache) == 2
    assert cache.get("a") == "new"


def test_a_thousand_values_never_weigh_more_than_allowed():
    cache: Cache[int] = Cache(50, 1000)
    for at in range(1000):
        cache.put(at, at, at % 97)
        found = [key for key in range(at + 1) if key in cache._kept]
        assert len(found) <= 50
        assert sum(key % 97 for key in found) <= 1000
