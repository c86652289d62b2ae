"""Links: a page's settings are read from the address and written back, through scripts that Streamlit really runs."""

import pytest
from streamlit.testing.v1 import AppTest

from bnviz.core.config import RunConfig


def one_page():
    """A page with two of a run's settings and one of its own, and a second page to go to."""
    import streamlit as st

    from bnviz.core.config import RunConfig
    from bnviz.ui import url_state
    from bnviz.ui.router_guard import mark_routed
    from bnviz.ui.session import session

    mark_routed()
    defaults, view = RunConfig(norm="batch"), {"layer": 3}
    measured = st.checkbox("measured", True, key="measured")
    if st.session_state.get("elsewhere"):
        st.title("Another page")
        url_state.open_page("other", defaults, {})
    elif st.session_state.get("fragment"):
        st.number_input("layer", 0, 99999, key=url_state.widget_key("page", "layer"))
    else:
        url_state.open_page("page", defaults, view)
        st.session_state["problems"] = list(session().page("page").problems)
        chosen = url_state.run_settings("page")
        chosen["learning_rate"] = st.number_input("lr", 0.0, 1000.0, key=url_state.widget_key("page", "learning_rate"))
        chosen["seed"] = st.number_input("seed", 0, 1000, key=url_state.widget_key("page", "seed"))
        if st.checkbox("looks", True, key="looks"):
            st.number_input("layer", 0, 99999, key=url_state.widget_key("page", "layer"))
        st.session_state["config"] = RunConfig.model_validate(chosen)
        if measured:
            url_state.save("page", st.session_state["config"], view)


DEFAULTS = RunConfig(norm="batch")


def opened(**query) -> AppTest:
    at = AppTest.from_function(one_page)
    return go(at, **query)


def go(at: AppTest, **query) -> AppTest:
    """Open an address in the same session."""
    at.query_params.clear()
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def leave(at: AppTest) -> None:
    at.session_state["elsewhere"] = True
    go(at)
    assert at.title[0].value == "Another page"
    at.session_state["elsewhere"] = False


def settings(at: AppTest) -> tuple[float, int, int]:
    config = at.session_state["config"]
    return config.learning_rate, config.seed, at.number_input(key="page.layer").value


def test_without_a_query_the_page_has_its_defaults_and_its_address_stays_bare():
    at = opened()
    assert at.session_state["config"] == DEFAULTS
    assert settings(at) == (0.1, 0, 3)
    assert at.query_params == {}
    assert at.session_state["problems"] == []


def test_a_link_is_read_and_stays_as_it_is():
    query = {"lr": "0.5", "seed": "7", "layer": "2", "widths": "50,20"}
    at = opened(**query)
    assert settings(at) == (0.5, 7, 2)
    assert at.session_state["config"] == DEFAULTS.with_changes(learning_rate=0.5, seed=7, widths=(50, 20))
    assert at.query_params == query


def test_setting_given_twice_is_written_once():
    at = AppTest.from_function(one_page)
    at.query_params["lr"] = ["1", "2"]
    at.run()
    assert not at.exception
    assert settings(at) == (2.0, 0, 3)
    assert at.query_params == {"lr": "2"}


def test_what_the_address_says_gives_the_same_settings_to_somebody_else():
    at = opened(seed="3")
    at.number_input(key="page.learning_rate").set_value(2.0).run()
    at.number_input(key="page.layer").set_value(1).run()
    assert at.query_params == {"lr": "2", "seed": "3", "layer": "1"}
    assert opened(**at.query_params).session_state["config"] == at.session_state["config"]


def test_a_setting_put_back_to_its_default_leaves_the_address():
    at = opened(lr="0.5")
    at.number_input(key="page.learning_rate").set_value(0.1).run()
    assert at.query_params == {}


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"lr": "fast"}, "lr"),
        ({"nonsense": "1"}, "nonsense"),
        ({"layer": "-1"}, "layer"),
        ({"layer": "x" * 999}, "layer"),
    ],
)
def test_a_problem_is_told_once_and_only_until_something_is_changed(query, word):
    at = opened(**query, seed="4")
    (problem,) = at.session_state["problems"]
    assert word in problem
    assert len(problem) < 200
    assert settings(at) == (0.1, 4, 3)
    assert at.query_params == {"seed": "4"}
    at.run()
    assert at.session_state["problems"] == [problem], "still to be read"
    at.number_input(key="page.seed").set_value(5).run()
    at.run()
    assert at.session_state["problems"] == []


def test_an_address_changed_under_the_page_is_read_anew():
    at = opened(lr="0.5")
    go(at, lr="2", seed="9")
    assert settings(at) == (2.0, 9, 3)
    go(at)
    assert settings(at) == (0.1, 0, 3)


def test_a_problem_of_a_second_link_is_told_too():
    at = opened(lr="0.5")
    go(at, lr="fast", seed="1")
    assert len(at.session_state["problems"]) == 1


def test_a_page_come_back_to_keeps_its_settings():
    at = opened(lr="0.5")
    at.number_input(key="page.layer").set_value(1).run()
    leave(at)
    go(at)
    assert settings(at) == (0.5, 0, 1)
    assert at.query_params == {"lr": "0.5", "layer": "1"}


def test_a_page_come_back_to_by_its_own_address_shows_what_that_says():
    at = opened(lr="0.5", layer="2")
    address = dict(at.query_params)
    leave(at)
    go(at, **address)  # the browser's back button
    assert settings(at) == (0.5, 0, 2)
    leave(at)
    go(at, lr="2")
    assert settings(at) == (2.0, 0, 3)


def test_settings_changed_before_anything_is_measured_are_not_put_back():
    at = AppTest.from_function(one_page)
    at.session_state["measured"] = False  # nothing to show yet: the page has not come to keep
    go(at, lr="0.5")
    at.number_input(key="page.learning_rate").set_value(2.0).run()
    assert settings(at) == (2.0, 0, 3)
    at.run()
    assert settings(at) == (2.0, 0, 3)
    at.checkbox(key="measured").set_value(True).run()
    assert at.query_params == {"lr": "2"}


def test_a_setting_that_is_none_of_the_allowed_is_told_until_something_is_changed():
    def script():
        import streamlit as st

        from bnviz.core.config import RunConfig
        from bnviz.ui import url_state
        from bnviz.ui.router_guard import mark_routed
        from bnviz.ui.session import session

        mark_routed()
        defaults, view = RunConfig(), {"seeds": 1}
        url_state.open_page("page", defaults, view)
        st.session_state["told"] = list(session().page("page").problems)
        url_state.allow_only("page", "seeds", (1, 3))
        st.number_input("seeds", key=url_state.widget_key("page", "seeds"))
        url_state.save("page", defaults, view)

    at = AppTest.from_function(script)
    go(at, seeds="3")
    assert not at.warning
    assert at.query_params == {"seeds": "3"}
    go(at, seeds="7")
    assert [warning.value for warning in at.warning] == ["seeds must be 1 or 3, not 7; seeds=1 is used."]
    assert at.query_params == {}
    at.run()
    assert len(at.session_state["told"]) == 1
    at.number_input(key="page.seeds").set_value(3).run()
    at.run()
    assert at.session_state["told"] == []


@pytest.mark.parametrize(("given", "used"), [("99", 4), ("0", 1)])
def test_a_layer_that_is_not_there_is_told_until_something_is_changed(given, used):
    def script():
        import streamlit as st

        from bnviz.core.config import RunConfig
        from bnviz.ui import url_state
        from bnviz.ui.router_guard import mark_routed
        from bnviz.ui.session import session

        mark_routed()
        defaults, view = RunConfig(), {"layer": 3}
        url_state.open_page("page", defaults, view)
        st.session_state["told"] = list(session().page("page").problems)
        url_state.limit("page", "layer", st.number_input("layers", 1, 9, 4))
        st.number_input("layer", key=url_state.widget_key("page", "layer"))
        url_state.save("page", defaults, view)

    at = AppTest.from_function(script)
    go(at, layer=given)
    assert [warning.value for warning in at.warning] == [
        f"layer must be a whole number from 1 to 4, not {given}; layer={used} is used."
    ]
    assert at.query_params == {"layer": str(used)}
    at.run()
    assert len(at.session_state["told"]) == 1
    at.number_input(key="page.layer").set_value(2).run()
    at.number_input[0].set_value(1).run()  # another network, with one layer: no fault of the link
    assert not at.warning
    assert at.query_params == {"layer": "1"}
    at.run()
    assert at.session_state["told"] == []


def layered_page():
    """A page whose network has as many layers as a control says."""
    import streamlit as st

    from bnviz.core.config import RunConfig
    from bnviz.ui import url_state
    from bnviz.ui.router_guard import mark_routed

    mark_routed()
    defaults, view = RunConfig(), {"layer": 3}
    url_state.open_page("page", defaults, view)
    url_state.limit("page", "layer", st.number_input("layers", 1, 9, 3))
    st.number_input("layer", key=url_state.widget_key("page", "layer"))
    url_state.save("page", defaults, view)


def layers_and_chosen(at: AppTest, layers: int | None = None) -> tuple[int, int]:
    if layers is not None:
        at.number_input[0].set_value(layers).run()
        assert not at.exception
    return at.number_input[0].value, at.number_input(key="page.layer").value


def test_chosen_layer_comes_back_with_the_layers():
    at = go(AppTest.from_function(layered_page))
    assert layers_and_chosen(at, 1) == (1, 1)
    at.run()
    assert layers_and_chosen(at, 2) == (2, 2)
    assert layers_and_chosen(at, 3) == (3, 3)
    assert at.query_params == {}


def test_layer_chosen_by_hand_stays_when_layers_are_added():
    at = go(AppTest.from_function(layered_page))
    layers_and_chosen(at, 2)
    at.number_input(key="page.layer").set_value(1).run()
    assert layers_and_chosen(at, 5) == (5, 1)


def test_layer_of_a_new_link_is_not_replaced_by_one_chosen_before():
    at = go(AppTest.from_function(layered_page))
    layers_and_chosen(at, 1)
    at.number_input[0].set_value(4)
    go(at, layer="1", seed="0")
    at.run()
    assert layers_and_chosen(at) == (4, 1)


def test_another_page_does_not_carry_the_values_of_the_first_along_which_come_back_all_the_same():
    at = opened(lr="0.5", widths="50,20", layer="2")
    before = at.session_state["config"]
    leave(at)
    go(at)
    assert at.session_state["config"] == before
    assert settings(at) == (0.5, 0, 2)
    assert at.query_params == {"lr": "0.5", "widths": "50,20", "layer": "2"}
