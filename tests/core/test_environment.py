"""Settings: each variable has a default that can be used, and a value that cannot be is told in a sentence."""

import re

import pytest

from bnviz.core import environment
from bnviz.core.environment import VARIABLES, EnvironmentVariableError

WHOLE = ("BNVIZ_WORKERS", "BNVIZ_STORE_MB", "BNVIZ_SESSION_RUNS", "BNVIZ_QUEUE")
SECONDS = ("BNVIZ_LONGEST_SECONDS", "BNVIZ_GRACE_SECONDS")
TEXTS = tuple(name for name in VARIABLES if name not in WHOLE + SECONDS)


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_what_is_not_set_or_empty_is_the_default(name: str, value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if value is None:
        monkeypatch.delenv(name, raising=False)
    else:
        monkeypatch.setenv(name, value)
    assert environment.text(name) == VARIABLES[name].default


@pytest.mark.parametrize("name", VARIABLES)
def test_defaults_are_values_that_the_variable_may_have(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, VARIABLES[name].default)
    assert environment.text(name) == VARIABLES[name].default


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, " 7 ")
    assert (environment.text(name), environment.whole(name)) == ("7", 7)
    monkeypatch.setenv(name, "8")  # it counts at once
    assert environment.whole(name) == 8


@pytest.mark.parametrize(("value", "number"), [("0", 0.0), ("2.5", 2.5), (" 1e3 ", 1000.0)])
@pytest.mark.parametrize("name", SECONDS)
def test_seconds(name: str, value: str, number: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert environment.seconds(name) == number


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1e3", "many", "²", "+1", "1 2"])
@pytest.mark.parametrize("name", WHOLE)
def test_no_whole_number(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    sentence = f"{name} is {value!r}; it must be a whole number from 1 up, or not be set."
    with pytest.raises(EnvironmentVariableError, match=f"^{re.escape(sentence)}$"):
        environment.whole(name)


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e999", "soon", "1 2"])
@pytest.mark.parametrize("name", SECONDS)
def test_no_number_of_seconds(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    sentence = f"{name} is {value!r}; it must be a number of seconds, 0 or more, or not be set."
    with pytest.raises(EnvironmentVariableError, match=f"^{re.escape(sentence)}$"):
        environment.seconds(name)


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_taken_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, " tls://example.org:8786 ")
    assert environment.text(name) == "tls://example.org:8786"


def test_a_name_that_is_not_in_the_table_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        environment.text("BNVIZ_WORKER")


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_says_what_it_is_for(name: str) -> None:
    assert re.fullmatch(r"BNVIZ_[A-Z_]+", name)
    assert 10 < len(VARIABLES[name].meaning) < 120


def test_problems_are_those_of_all_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert environment.problems() == []
    for name in (*WHOLE, *SECONDS):
        monkeypatch.setenv(name, "-1")
    assert [sentence.split()[0] for sentence in environment.problems()] == [
        name for name in VARIABLES if name in (*WHOLE, *SECONDS)
    ]
