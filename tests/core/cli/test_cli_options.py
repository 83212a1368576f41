"""How options of the form KEY=VALUE are read, and that the module runs as the command does."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bioreview_bench.cli.options import key_value, key_values, weights
from bioreview_bench.cli.progress import ProgressBar
from bioreview_bench.errors import InputError


def test_values_are_split_at_commas_outside_brackets_and_quotation_marks() -> None:
    assert key_values("lr=1e-4,3e-4", "") == ("lr", ["1e-4", "3e-4"])
    assert key_values("t=[q,v],[q]", "") == ("t", ["[q,v]", "[q]"])
    assert key_values("t={a: [1,2], b: 3},x", "") == ("t", ["{a: [1,2], b: 3}", "x"])
    assert key_values("n='a,b',\"c,d\",e", "") == ("n", ["'a,b'", '"c,d"', "e"])
    assert key_values("n=", "") == ("n", [""])
    assert key_values("n=a=b,c", "") == ("n", ["a=b", "c"])


@pytest.mark.parametrize("text", ["lr", "", "=3", " =3"])
def test_what_is_no_pair_is_refused_with_the_example(text: str) -> None:
    for read in (key_value, key_values, weights):
        with pytest.raises(InputError) as caught:
            read(text, "--set lr=1e-4")
        assert caught.value.remedy == "--set lr=1e-4"


def test_weights_are_numbers_and_each_name_stands_once() -> None:
    assert weights("v1=0.5, v2=2", "") == {"v1": 0.5, "v2": 2.0}
    for text in ("v1=x", "v1=1,v1=2", "v1=1,", "v1"):
        with pytest.raises(InputError):
            weights(text, "--weights v1=1")


def test_a_bar_prints_few_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar("Reviewing", 1000, False)
    for done in range(1001):
        bar.show(done, "two at once")
    bar.stop()
    assert capsys.readouterr().err.splitlines() == ["Reviewing: 0/1,000", "Reviewing: 1,000/1,000, two at once"]
    ProgressBar("Reviewing", 3, True).show(3)
    assert capsys.readouterr().err == ""


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bioreview_bench", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("bench, version")
    wrong = subprocess.run([sys.executable, "-m", "bioreview_bench", "evaluate"], capture_output=True, check=False)
    assert wrong.returncode == 2
