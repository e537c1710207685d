"""YAML for kubectl, whose reader knows more numbers than PyYAML's."""

import pytest
import yaml

from wandb_byob.cli import documents


@pytest.mark.parametrize(
    "text", ["123e4567", "1E5", "08", "0o17", "0O17", "0X1F", "1e+3", ".5e3", "-7e1", "y", "N", "12_3", "on", "null"]
)
def test_a_text_that_kubectl_would_take_for_a_number_or_a_truth_value_is_quoted(text: str) -> None:
    """An access key such as 123e4567 would be refused by the API server, as no string."""
    written = documents.dump_all([{"key": text}])
    assert written == f"key: '{text}'\n"
    assert yaml.safe_load(written) == {"key": text}


def test_all_else_stands_as_it_is() -> None:
    given = {"n": 7, "part": 1.5, "yes": True, "none": None, "name": "yes-1e3", "address": "10.0.0.1", "list": ["1a"]}
    written = documents.dump_all([given, {"b": "2"}])
    assert list(yaml.safe_load_all(written)) == [given, {"b": "2"}]
    assert "name: yes-1e3\naddress: 10.0.0.1\nlist:\n- 1a\n---\nb: '2'\n" in written
    assert "part: 1.5\n" in written
