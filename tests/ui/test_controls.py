"""Controls: what they show of a link, what they make of it, and that all of them can be drawn."""

import pytest
from streamlit.testing.v1 import AppTest

from bnviz.core.config import RunConfig
from bnviz.ui import controls, fields

BASE = RunConfig(norm="batch")


def page():
    import streamlit as st

    from bnviz.core.config import RunConfig
    from bnviz.ui import controls, links
    from bnviz.ui.routing import mark_routed

    mark_routed()
    defaults, view = RunConfig(norm="batch"), {"seeds": 1}
    links.open_page("page", defaults, view)
    row = st.session_state.get("row", controls.ROW)
    config = controls.run_controls("page", row, st.session_state.get("more", tuple(controls.GROUPS)))
    st.session_state["config"] = config
    if config is not None:
        links.keep("page", config, defaults, view)


def opened(state=None, **query) -> AppTest:
    at = AppTest.from_function(page)
    for name, value in (state or {}).items():
        at.session_state[name] = value
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def labels(at: AppTest) -> set[str]:
    kinds = ("selectbox", "select_slider", "number_input", "text_input", "toggle")
    return {one.label for kind in kinds for one in getattr(at, kind)}


def test_every_control_can_be_drawn_and_changes_nothing_by_itself():
    at = opened()
    assert at.session_state["config"] == BASE
    assert at.query_params == {}
    assert not at.error
    drawn = {name for group in (*controls.GROUPS.values(), controls.ROW) for name in group}
    assert drawn == {*fields.WIDGETS, *fields.COMPOSED, "seeds"}


def test_a_page_has_the_controls_that_it_chooses():
    at = opened({"row": ("dataset", "steps"), "more": ("Noise",)})
    assert {"Data", "Updates", "Shift of units, n_μ"} <= labels(at)
    assert {"Compared with", "Network", "Learning rate"}.isdisjoint(labels(at))
    assert not at.get("button_group")
    assert at.session_state["config"] == BASE


@pytest.mark.parametrize(("label", "limits"), fields.LINE_RANGES.items())
def test_a_known_range_is_one_choice(label, limits):
    at = opened()
    at.selectbox(key="page.line range").set_value(label).run()
    config = at.session_state["config"]
    assert (config.option("line_from"), config.option("line_to"), config.option("line_in")) == limits
    assert at.number_input(key="page.line_from").disabled
    link = dict(at.query_params)
    assert set(link) <= {"line_from", "line_to", "line_in"}
    assert opened(**link).selectbox(key="page.line range").value == label
    at.selectbox(key="page.line range").set_value(next(iter(fields.LINE_RANGES))).run()
    assert at.query_params == {}


def test_an_own_range_is_two_numbers():
    at = opened()
    at.selectbox(key="page.line range").set_value(fields.OWN).run()
    assert at.session_state["config"] == BASE, "until a number is changed"
    assert at.selectbox(key="page.line range").value == fields.OWN
    at.number_input(key="page.line_from").set_value(0.25).run()
    at.number_input(key="page.line_to").set_value(2.0).run()
    config = at.session_state["config"]
    assert (config.option("line_from"), config.option("line_to"), config.option("line_in")) == (
        0.25,
        2.0,
        "learning_rate",
    )
    assert at.query_params == {"line_from": "0.25", "line_to": "2"}
    again = opened(**at.query_params)
    assert again.selectbox(key="page.line range").value == fields.OWN
    assert again.session_state["config"] == config


def test_a_range_the_wrong_way_round_is_told_in_a_sentence():
    at = opened()
    at.selectbox(key="page.line range").set_value(fields.OWN).run()
    at.number_input(key="page.line_from").set_value(9.0).run()
    assert not at.exception
    assert at.session_state["config"] is None
    (error,) = at.error
    assert error.value == "Shortest step must be less than Longest step, not 9 with Longest step 4."
    at.number_input(key="page.line_from").set_value(0.5).run()
    assert not at.error


@pytest.mark.parametrize(
    "query", [{"line_from": "0.0001"}, {"noise_scale": "1"}, {"probe_points": "7"}, {"lr": "1e-07"}]
)
def test_what_a_link_may_say_its_control_can_show(query):
    at = opened(**query)
    assert at.query_params == query
    assert RunConfig.from_query(query, BASE) == (at.session_state["config"], [])


def test_settings_without_a_control_are_named_and_can_be_reset():
    at = opened(norm_momentum="0", percentiles="10,90", lr="0.5")
    (told,) = [text.value for text in at.markdown if "also sets" in text.value]
    assert told == "This link also sets: `norm_momentum = 0`, `percentiles = 10,90`"
    assert at.session_state["config"].norm_momentum == 0
    at.button(key="page/reset-hidden").click().run()
    assert at.session_state["config"] == BASE.with_changes(learning_rate=0.5)
    assert at.query_params == {"lr": "0.5"}
    assert not [text for text in at.markdown if "also sets" in text.value]


def test_settings_with_a_control_elsewhere_only_are_named_too():
    at = opened({"row": ("dataset",), "more": ("Network",)}, lr="0.5", widths="20,20", init="he", seeds="3")
    (told,) = [text.value for text in at.markdown if "also sets" in text.value]
    assert told == "This link also sets: `lr = 0.5`"


def test_a_page_that_opens_without_a_link_names_no_settings():
    assert not [text for text in opened().markdown if "also sets" in text.value]


@pytest.mark.parametrize("text", ["20 20", "20,20", " 20 , 20 ", "20, 20,", ",20 20"])
def test_units_field_takes_commas_and_blanks(text):
    at = opened()
    at.text_input(key="page.widths text").set_value(text).run()
    assert not at.error
    assert at.session_state["config"].widths == (20, 20)
    assert at.query_params == {"widths": "20,20"}


def test_messages_call_a_setting_what_its_control_is_called():
    at = opened()
    at.text_input(key="page.widths text").set_value("0").run()
    assert at.error[0].value.startswith("Units in each hidden layer must be 1 to 64 values")
    at.text_input(key="page.widths text").set_value("20").run()
    at.selectbox(key="page.network").set_value("lenet").run()
    assert at.error[0].value.startswith(
        "Network 'lenet' needs inputs of shape 1 × 28 × 28, Data 'digits' has 1 × 8 × 8"
    )


def test_every_setting_with_a_control_has_a_label():
    composed = {"widths", "init", "init_std", "line_from", "line_to", "line_in"}
    assert set(fields.labels()) >= {*fields.WIDGETS, *composed} >= set(fields.LABELS)


def test_small_learning_rates_are_offered_where_values_are_learned():
    assert (
        "1e-05" in opened(dataset="linear_map", network="deep_linear").select_slider(key="page.learning_rate").options
    )
    assert "1e-05" not in opened().select_slider(key="page.learning_rate").options


def test_seeds_are_one_or_three():
    at = opened(seeds="7")
    assert [warning.value for warning in at.warning] == ["seeds must be 1 or 3, not 7; seeds=1 is used."]
    at = opened(seeds="3")
    assert not at.warning
    assert at.get("button_group")[0].value == 3
    assert at.query_params == {"seeds": "3"}
