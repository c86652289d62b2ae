"""Addresses from a browser that has not heard yet what the page wrote there."""

from tests.ui.test_url_state import go, opened, settings


def test_what_is_changed_by_hand_outlives_the_address_of_a_browser_that_is_behind():
    at = opened(lr="0.5")
    at.number_input(key="page.layer").set_value(2).run()
    assert at.query_params == {"lr": "0.5", "layer": "2"}
    at.number_input(key="page.seed").set_value(9)
    go(at, lr="0.5")  # sent before the browser has heard of the layer
    assert settings(at) == (0.5, 9, 2)
    assert at.query_params == {"lr": "0.5", "seed": "9", "layer": "2"}
    go(at, lr="0.5")  # nothing was changed: somebody went back
    assert settings(at) == (0.5, 0, 3)


def test_an_address_is_news_although_a_widget_was_not_drawn():
    at = opened()
    at.checkbox(key="looks").uncheck().run()
    go(at, lr="0.7")  # Streamlit has forgotten the layer: nobody changed it by hand
    at.checkbox(key="looks").check().run()
    assert settings(at) == (0.7, 0, 3)


def test_a_fragment_that_draws_a_control_again_has_its_value_again():
    at = opened()
    at.number_input(key="page.layer").set_value(7).run()
    at.checkbox(key="looks").uncheck().run()
    assert "page.layer" not in at.session_state, "Streamlit has forgotten it"
    at.session_state["fragment"] = True  # runs by itself: no link is read
    at.run()
    assert not at.exception
    assert at.number_input(key="page.layer").value == 7
