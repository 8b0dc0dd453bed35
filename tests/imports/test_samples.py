"""What is read of each sample is what it says beside it."""

import pytest

from tests.imports.compare import compare, expected_of, opened

WHOLE = ("01_zoho_backup",)


@pytest.mark.parametrize("name", WHOLE)
def test_a_sample_gives_its_records(name: str) -> None:
    reading = opened(name)
    expected = expected_of(name)
    compare(reading, expected)
    assert {each.code for each in reading.questions} == {each["code"] for each in expected["questions"]}
