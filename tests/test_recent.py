"""What is kept within a bound."""

from crmgraph.recent import Recent


def test_what_has_not_been_asked_for_longest_gives_way() -> None:
    kept: Recent[str, int] = Recent(2)
    kept.keep("a", 1)
    kept.keep("b", 2)
    assert kept.get("a") == 1
    kept.keep("c", 3)
    assert [kept.get(key) for key in "abc"] == [1, None, 3]
    assert [*kept.values()] == [1, 3]
    kept.drop("a")
    kept.drop("a")
    assert [*kept.values()] == [3]
    assert kept.size == 1


def test_all_together_take_no_more_than_is_allowed() -> None:
    kept: Recent[str, str] = Recent(10, len)
    kept.keep("a", "1234")
    kept.keep("b", "123456")
    assert kept.size == 10
    kept.keep("b", "1234567")  # it is reckoned anew, and the other gives way
    assert [*kept.values()] == ["1234567"]
    assert kept.size == 7
    kept.keep("c", "12345678901")  # too large by itself: nothing gives way to it
    assert [*kept.values()] == ["1234567"]
    assert kept.size == 7
