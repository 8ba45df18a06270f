"""Results as JSON: what was given, and nothing that is not JSON."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from activity.common.writing import write_json


def test_json_holds_what_was_given(tmp_path: Path) -> None:
    content = {"label": 'テニス "a", b', "figures": [1, 0.5, None], "path": "caf\udce9.mp4"}
    write_json(tmp_path / "summary.json", content)
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == content


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_json_has_null_for_what_is_no_number(tmp_path: Path, figure: float) -> None:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    write_json(tmp_path / "summary.json", {"fps": figure, "loss": [1.0, np.float64(figure)]})
    text = (tmp_path / "summary.json").read_text()
    assert json.loads(text, parse_constant=refuse) == {"fps": None, "loss": [1.0, None]}
