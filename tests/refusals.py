"""What a refusal must say."""

import pytest

from marketic import InputError


def refused(action, *words: str) -> str:
    """`action()` raises an InputError of one line in which all `words` stand."""
    with pytest.raises(InputError) as refusal:
        action()
    message = str(refusal.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return message
