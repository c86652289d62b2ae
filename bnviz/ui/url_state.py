"""Keep a page's settings, its controls and its address alike: every state is a link.

The address counts whenever it changed under the page (a pasted link, back, forward), else the controls do. A browser
that has not heard yet what the page wrote sends the address before; if a control was changed meanwhile, the control
counts. A page that is come back to without a query keeps what it had.

All settings of a page are in its `PageState.values`. Those with a control also have a key of session state,
`PAGE.NAME`, which the control holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from bnviz.core.config import RunConfig, setting_schemas
from bnviz.core.messages import shown
from bnviz.core.options import active_options, declared_options
from bnviz.ui.session import session

Defaults = Mapping[str, int]
"""The page's own settings (which layer, which switches, how many seeds) as whole numbers, with defaults."""


def widget_key(page: str, name: str) -> str:
    """The session-state key of a setting's control, which holds the setting's value from now on."""
    key, state = f"{page}.{name}", session().page(page)
    state.controls.add(name)
    st.session_state.setdefault(key, state.values[name])
    return key


def value_of(page: str, name: str) -> Any:
    """One of the page's settings, as it is now."""
    key = f"{page}.{name}"
    return st.session_state[key] if key in st.session_state else session().page(page).values[name]


def set_value(page: str, name: str, value: Any) -> None:
    """Change one of the page's settings, its control included."""
    state = session().page(page)
    state.values[name] = value
    if name in state.controls:
        st.session_state[f"{page}.{name}"] = value


def run_settings(page: str) -> dict[str, Any]:
    """All settings of a run by name, not yet validated."""
    values = session().page(page).values
    return {name: values[name] for name in setting_schemas()}


def hidden_settings(page: str) -> dict[str, str]:
    """The run's settings that differ from the page's defaults and have no control there, as a link has them."""
    state = session().page(page)
    visible = state.controls | state.synced.keys()
    hidden = {name: value for name, value in run_settings(page).items() if name not in visible}
    return active_query(state.defaults.with_changes(**hidden), state.defaults)


def reset_hidden_settings(page: str) -> None:
    """Put those settings back to the page's defaults."""
    state = session().page(page)
    usual = state.defaults.settings()
    state.values |= {name: usual[name] for name in setting_schemas() if name not in state.controls}


def open_page(page: str, defaults: RunConfig, own: Defaults) -> None:
    """Take over the address if it is a new link, else what the controls hold; to be called before controls are drawn.

    Args:
        page: names the page.
        defaults: the run's settings that the page opens with.
        own: the page's own settings, with defaults.
    """
    state = session().page(page)
    state.defaults = defaults
    query = st.query_params.to_dict()
    held = {name: st.session_state[f"{page}.{name}"] for name in state.controls if f"{page}.{name}" in st.session_state}
    # Streamlit forgets the values of controls that a run of the script did not draw.
    is_new = not state.values or not held
    changed_by_hand = any(state.values.get(name) != value for name, value in held.items())
    if is_new and state.values and not query:
        _restore(page)
    elif is_new or (query != state.query and not changed_by_hand):
        config, problems = RunConfig.from_query({k: v for k, v in query.items() if k not in own}, defaults)
        numbers = {name: _whole_number(query.get(name), default, name, problems) for name, default in own.items()}
        state.values = config.settings() | numbers
        state.problems, state.query, state.saved, state.wishes = problems, query, None, {}
        _restore(page)
    else:
        state.values |= held


def active_query(config: RunConfig, defaults: RunConfig, arms: Iterable[RunConfig] = ()) -> dict[str, str]:
    """The settings as a link has them, without options of plug-ins that neither the run nor an arm has."""
    inactive = declared_options().keys() - active_options(config, *arms).keys()
    return {name: text for name, text in config.to_query(defaults).items() if name not in inactive}


def save(page: str, config: RunConfig, own: Defaults, arms: Iterable[RunConfig] = ()) -> None:
    """Remember the page's settings and write them into the address, defaults left out."""
    state = session().page(page)
    numbers = {name: int(value_of(page, name)) for name in own}
    values = config.settings() | numbers
    if state.saved not in (None, values):
        state.problems = []  # changed by hand: the link's problems are history
    state.values, state.saved = values, dict(values)
    query = active_query(config, state.defaults, arms) | {
        name: str(number) for name, number in numbers.items() if number != own[name]
    }
    state.query = query
    twice = any(len(st.query_params.get_all(name)) > 1 for name in st.query_params)
    if twice or st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def limit(page: str, name: str, largest: int, smallest: int = 1) -> int:
    """Bring one of the page's own settings within bounds, and return it; say so if a link asked for another.

    A number that was chosen by hand comes back once there is room for it again, unless another was chosen since.
    """
    state, given = session().page(page), int(value_of(page, name))
    wish, used = state.wishes.get(name, (given, given))
    wish = wish if given == used else given
    used = min(max(wish, smallest), largest)
    state.wishes[name] = wish, used
    _replace(page, name, given, used, f"a whole number from {smallest} to {largest}")
    return used


def allow_only(page: str, name: str, allowed: Sequence[int]) -> None:
    """Bring one of the page's own settings to the first of the allowed numbers if it is none of them."""
    given = int(value_of(page, name))
    _replace(page, name, given, given if given in allowed else allowed[0], " or ".join(map(str, allowed)))


def _replace(page: str, name: str, given: int, used: int, allowed: str) -> None:
    if given == used:
        return
    state = session().page(page)
    set_value(page, name, used)
    if state.saved is None and name in state.query:
        state.wishes[name] = used, used
        problem = f"{name} must be {allowed}, not {given}; {name}={used} is used."
        state.problems.append(problem)
        st.warning(problem, icon=":material/link_off:")


def _restore(page: str) -> None:
    """Give every control the value of its setting."""
    state = session().page(page)
    for name in state.controls:
        st.session_state[f"{page}.{name}"] = state.values[name]


def _whole_number(text: str | None, default: int, name: str, problems: list[str]) -> int:
    if text is None:
        return default
    if text.isdecimal() and len(text) <= 5:
        return int(text)
    problems.append(f"{name} must be a whole number from 0 to 99999, not {shown(text)}; {name}={default} is used.")
    return default
