"""Types of options, in words."""

from metahub.proxy.option_types import in_words


def test_an_error_in_other_words_is_shown_as_it_is() -> None:
    """What is not understood is not lost."""
    assert in_words(TypeError("no such thing")) == "no such thing"
