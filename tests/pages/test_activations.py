"""The page on activation distributions: what a reader changes, mistypes, stops and takes away."""

import time

import pytest

from bnviz.core import registry
from bnviz.core.config import RunConfig

PLAIN = RunConfig(norm="batch")


def widget(at, kind, name):
    return getattr(at, kind)(key=f"activations.{name}")


def test_it_opens_with_a_finished_comparison(opened, asked, status):
    at = opened()
    assert asked == []
    assert "**standard** " in status(at)
    assert "**batch norm** " in status(at)
    assert status(at).count("test accuracy after 600 updates") == 2
    assert [button.label for button in at.button] == ["Train live"]
    assert at.query_params == {}


def test_without_a_gallery_it_trains(opened, asked, finish, status, monkeypatch, drawn):
    at = opened(steps="20")
    assert {(config.norm, config.steps) for config in asked} == {("none", 20), ("batch", 20)}
    assert at.button(key="activations/action").label == "Stop"
    assert status(finish(at)).count("test accuracy after 20 updates") == 2
    assert len(asked) == 2, "once each, however often the page looks"
    assert drawn(at)


def test_changing_the_learning_rate_trains_again_and_changes_the_address(opened, asked, finish, status):
    at = finish(opened(steps="30"))
    asked.clear()
    widget(at, "select_slider", "learning_rate").set_value(0.5).run()
    finish(at)
    assert {(config.norm, config.learning_rate, config.steps) for config in asked} == {
        ("none", 0.5, 30),
        ("batch", 0.5, 30),
    }
    assert at.query_params == {"lr": "0.5", "steps": "30"}
    assert status(at).count("after 30 updates") == 2
    assert not at.error


def test_settings_changed_while_the_first_run_goes_on_are_kept(opened, finish):
    at = opened(steps="40", seed="11")
    widget(at, "select_slider", "learning_rate").set_value(0.2).run()
    assert widget(at, "select_slider", "learning_rate").value == 0.2
    assert finish(at).query_params == {"lr": "0.2", "steps": "40", "seed": "11"}


def test_train_live_trains_what_the_gallery_has(opened, asked, finish, status, service):
    at = opened()
    at.button(key="activations/action").click().run()
    assert {config.norm for config in asked} == {"none", "batch"}
    for config in asked:
        service.stop(config.key)
    finish(at)


def sentences_in(at):
    """One a line, whether in one box or in several; markdown's signs are spelt out."""
    lines = [line for warning in at.warning for line in warning.value.replace("\\", "").split("\n")]
    return [line.removeprefix("- ") for line in lines]


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"steps": "1e12"}, "steps must be"),
        ({"lr": "nan"}, "lr must be"),
        ({"norm": "<script>"}, "norm must be"),
        ({"seed": "-1"}, "seed must be"),
        ({"widths": "9999,9999"}, "widths must be"),
        ({"unknown": "1"}, "'unknown' is not a setting"),
        ({"network": "lenet"}, "28 × 28"),
        ({"batch": "4000"}, "batch must be at most 1500"),
        ({"unit": "0x11"}, "unit must be a whole number from 0 to 99999"),
        ({"layer": "99"}, "layer must be a whole number from 1 to 3, not 99; layer=3 is used"),
        ({"unit": "99999"}, "unit must be a whole number from 1 to 100, not 99999; unit=100 is used"),
        ({"layer": "0", "unit": "0"}, "layer=1 is used"),
    ],
    ids=str,
)
def test_a_broken_link_is_told_in_a_sentence_and_the_page_goes_on(opened, asked, query, word, drawn):
    at = opened(**query)
    told = sentences_in(at)
    assert any(word in sentence for sentence in told), told
    assert all(sentence.endswith(".") for sentence in told)
    assert asked == []
    assert not set(at.query_params.items()) & set(query.items()), "what was not understood is not passed on"
    at.run()
    assert told == sentences_in(at)
    assert drawn(at)


def test_a_run_that_takes_too_long_is_refused(opened, asked, drawn, monkeypatch):
    monkeypatch.setenv("BNVIZ_LONGEST_SECONDS", "120")
    at = opened(steps="1000000")
    (error,) = at.error
    assert " min " in error.value
    assert asked == []
    widget(at, "select_slider", "steps").set_value(600).run()
    assert not at.exception
    assert not at.error
    assert at.query_params == {}
    assert drawn(at)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("abc", "whole numbers, such as 100, 100, 100, not 'abc'"),
        ("", "not ''"),
        ("0", "not '0'"),
        ("9999", "not '9999'"),
    ],
)
def test_units_that_cannot_be_used_are_told_in_a_sentence(opened, asked, text, word):
    at = opened(unit="5", layer="2")
    at.text_input[0].set_value(text).run()
    assert not at.exception
    (error,) = at.error
    assert error.value.startswith("Units in each hidden layer must be ")
    assert word in error.value
    assert asked == []
    at.text_input[0].set_value("100,100,100").run()
    assert not at.exception
    assert not at.error
    assert at.query_params == {"unit": "5", "layer": "2"}, "what was looked at before is looked at again"


def test_correcting_the_widths_brings_layer_and_unit_back(opened, finish):
    at = opened(steps="20")
    at.text_input[0].set_value("8").run()
    finish(at)
    assert (at.number_input(key="activations.layer").value, at.number_input(key="activations.unit").value) == (1, 8)
    at.text_input[0].set_value("100 100 100").run()
    finish(at)
    assert (at.number_input(key="activations.layer").value, at.number_input(key="activations.unit").value) == (3, 17)
    assert at.query_params == {"steps": "20"}


def test_other_widths_are_trained_and_the_chosen_unit_stays_within_them(opened, finish):
    at = opened(steps="20", layer="3")
    at.text_input[0].set_value("8, 4").run()
    finish(at)
    assert at.number_input(key="activations.layer").value == 2
    assert at.number_input(key="activations.unit").value == 4
    assert at.query_params == {"steps": "20", "widths": "8,4", "layer": "2", "unit": "4"}


@pytest.mark.parametrize(
    "query",
    [
        {"lr": "0.1000001"},
        {"lr": "0"},
        {"init_std": "0.0001"},
        {"init_std": "0.123456"},
        {"batch": "1500"},
        {"seed": "2147483647"},
        {"percentiles": "10,50,90"},
        {"norm": "none"},
        {"norm": "noisy_batch"},
        {"network": "deep_linear", "activation": "selu"},
        {"dataset": "blobs_2d", "optimizer": "adam"},
        {"init": "he", "probe_data": "fixed", "binarize": "true", "probe_samples": "30"},
    ],
    ids=str,
)
def test_a_link_within_bounds_is_trained_as_it_says(opened, asked, finish, query):
    link = {"steps": "3", "widths": "20"} | query
    at = finish(opened(**link))
    assert not at.error
    assert not at.warning
    expected, problems = RunConfig.from_query(link, PLAIN)
    assert problems == []
    assert expected in asked
    shown, problems = RunConfig.from_query(
        {name: text for name, text in at.query_params.items() if name not in ("layer", "unit")}, PLAIN
    )
    assert (shown, problems) == (expected, [])


def test_a_run_without_probes_says_so_and_does_not_wait_forever(opened, finish):
    at = finish(opened(steps="3", probes=""))
    assert not any("on their way" in info.value for info in at.info)


def test_a_dataset_that_cannot_be_had_is_told_in_a_sentence(opened, finish):
    at = finish(opened(steps="3", dataset="mnist"))
    [error] = at.error  # the same for both arms, told once
    assert error.value.startswith("Standard and batch norm: ")
    assert "MNIST is not there" in error.value
    assert not any("on their way" in info.value for info in at.info)


def test_a_run_that_diverges_is_told(opened, finish, status):
    at = finish(opened(steps="60", lr="1000", activation="relu", widths="30,20", weight_decay="0.1"))
    assert "diverged by update" in status(at)
    assert not at.error


def test_stop_keeps_what_was_measured(opened, finish, status, service, drawn, asked):
    at = opened(steps="200000", widths="100")
    end = time.monotonic() + 60
    while not drawn(at) or any(service.find(config.key).step < 0 for config in asked):  # the first arm is drawn alone
        assert time.monotonic() < end
        time.sleep(0.1)
        at.run()
    at.button(key="activations/action").click().run()
    finish(at)
    assert status(at).count(", stopped") == 2
    assert drawn(at)
    at.run()
    assert status(at).count(", stopped") == 2, "it is not trained again by itself"
    assert at.button(key="activations/action").label == "Train live"


def test_leaving_for_other_settings_stops_what_nobody_looks_at(opened, finish, service, asked):
    at = opened(steps="20000", widths="90")
    first = [config.key for config in asked]
    widget(at, "select_slider", "steps").set_value(50).run()
    finish(at)
    end = time.monotonic() + 20
    while any(service.find(key).live for key in first):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert {service.find(key).state for key in first} == {"stopped"}


def test_layer_unit_and_axis_are_in_the_address(opened):
    at = opened()
    at.number_input(key="activations.layer").set_value(1).run()
    at.number_input(key="activations.unit").set_value(99).run()
    at.get_by_key("activations.own_axis").set_value(True)
    at.run()
    assert at.query_params == {"layer": "1", "unit": "99", "own_axis": "1"}
    again = opened(**at.query_params)
    assert again.number_input(key="activations.unit").value == 99
    assert again.query_params == at.query_params


def test_three_seeds_are_in_the_address_and_their_mean_in_the_status(opened, asked, finish, status):
    at = finish(opened(steps="20", seed="4"))
    at.get("button_group")[0].set_value(3).run()
    finish(at)
    assert [(config.norm, config.seed) for config in asked] == [
        (norm, seed) for seed in (4, 5, 6) for norm in ("none", "batch")
    ], "the first seed's runs were there"
    assert status(at).count("test accuracy after 20 updates, mean of 3 seeds") == 2
    assert at.query_params == {"steps": "20", "seed": "4", "seeds": "3"}


def test_it_is_left_and_come_back_to_as_it_was(opened, finish):
    at = finish(opened(steps="20", unit="3"))
    address = dict(at.query_params)
    at.query_params.clear()
    at.switch_page("pages/overview.py").run()
    assert not at.exception
    at.query_params.clear()
    at.switch_page("pages/activations.py").run()
    assert not at.exception
    assert at.query_params == address


def test_the_code_it_shows_is_the_probes_own_file(opened):
    at = opened()
    at.session_state["probe-source"] = True  # its box is open
    (code,) = at.run().code
    assert code.value.rstrip("\n") == registry.source("probes", "activations").rstrip("\n")
