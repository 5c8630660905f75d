"""Whatever stands in config.yaml: options, or a sentence about it."""

from pathlib import Path

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from metahub.config import ConfigError, read_config
from tests.core.test_index import ANYTHING
from tests.fuzz.damage import damaged, shuffled
from tests.fuzz.examples import fuzzed

SHIPPED = (Path(__file__).parents[2] / "config.yaml").read_bytes()
NAMES = st.sampled_from(["confdir", "metahub_rules", "metahub_store", "metahub_on_eror", "x", ""])
VALUES = ANYTHING | st.sampled_from(
    ["~", "~/x", "~nobody-of-this-name/x", "postgresql://", "..", "a\x00b", "2026-13-45"]
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=3).map(
    lambda values: yaml.safe_dump(values).encode("utf-8", "surrogatepass")
)
TYPED = st.sampled_from(
    [b"2026-13-45", b"!!int many", b"!!float x", b"!!timestamp x", b"!!binary x", b"!!python/x y",
     b"=", b"<<: 5", b"&a *a", b"0x", b"1:99:99", b"0b", b"!!bool 5", b"%YAML 9.9"]
).map(b"x: ".__add__)  # fmt: skip


@fuzzed
@example(content=b"confdir: ~nobody-of-this-name/x")
@example(content=b"x: 2026-13-45")
@example(content=b"x: " + b"9" * 5000)
@example(content=b"&a [*a]: x")
@given(content=DOCUMENTS | TYPED | damaged(SHIPPED) | shuffled(SHIPPED) | st.binary(max_size=100))
def test_any_file_is_options_or_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    """The sentence names the file; and no value of it becomes another type's path."""
    file = tmp_path / "config.yaml"
    file.write_bytes(content)
    found = _read(file)
    if isinstance(found, str):
        assert found.startswith(str(file))
        return
    assert all(isinstance(name, str) for name in found)


def _read(file: Path) -> dict[str, object] | str:
    try:
        return read_config(file)
    except ConfigError as error:
        return str(error)
