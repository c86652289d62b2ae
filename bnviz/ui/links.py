"""Every state is a link: a page's settings are read from the address when it opens and written back when they change.

The address is the truth whenever it changed under the page (a pasted link, back, forward); the widgets are, otherwise.
A browser that has not heard yet what the page wrote there sends the address before: with a setting changed by hand,
that is no news. A page that is come back to without a query keeps what it had.

A page's settings are one dict in its notes, `values`. Those with a control, and the page's own, have a key
each besides, `PAGE.NAME`, which is what the control holds: Streamlit's widgets look through all keys, at every run.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from bnviz.core.config import RunConfig, setting_schemas
from bnviz.core.messages import shown
from bnviz.ui.notes import notes
from bnviz.ui.routing import require_router

MISSING = object()
"""In place of a value that is not there."""


def setting_key(page: str, name: str) -> str:
    """The session-state key of a setting that has one."""
    return f"{page}.{name}"


def control_key(page: str, name: str) -> str:
    """The session-state key for the control of one of a run's settings; from now on it holds that setting."""
    state, key, noted = st.session_state, setting_key(page, name), notes(page)
    noted.setdefault("controls", {})[name] = None
    if key not in state:
        state[key] = noted["values"][name]
    return key


def setting(page: str, name: str) -> Any:
    """One of the page's settings, as it is now."""
    state, key = st.session_state, setting_key(page, name)
    return state[key] if key in state else notes(page)["values"][name]


def run_settings(page: str) -> dict[str, Any]:
    """All settings of a run by their names, as they were when the page was opened; not yet validated."""
    values: Mapping[str, Any] = notes(page)["values"]
    return {name: values[name] for name in setting_schemas()}


def without_control(page: str) -> dict[str, str]:
    """The run's settings that differ from the page's defaults and have no control on it, as a link has them.

    To be called when the controls are drawn.
    """
    noted = notes(page)
    defaults: RunConfig = noted["defaults"]
    usual = defaults.settings()
    changed = {name for name, value in run_settings(page).items() if value != usual[name]}
    hidden = {name: noted["values"][name] for name in setting_schemas() if name in changed - noted["controls"].keys()}
    return defaults.with_changes(**hidden).to_query(defaults)


def reset_without_control(page: str) -> None:
    """Put those settings back to the page's defaults."""
    noted = notes(page)
    defaults = noted["defaults"].settings()
    noted["values"] |= {name: defaults[name] for name in setting_schemas() if name not in noted["controls"]}


def open_page(page: str, defaults: RunConfig, view: Mapping[str, int]) -> None:
    """Put what the link says into session state, if there is a new link; what it could not use is among its `problems`.

    `view` are the page's settings besides the run's (what is shown of it): whole numbers, with defaults.
    """
    require_router()
    noted = notes(page)
    noted["defaults"] = defaults
    query = st.query_params.to_dict()
    kept: dict[str, Any] | None = noted.get("settings")
    values: dict[str, Any] = noted.get("values", {})
    held = _held(page, view)
    # Streamlit forgets the values of widgets that a run of the script did not draw.
    came_from_elsewhere = not values or any(name not in held for name in noted.get("controls", ()))
    # This run's address is one from before the page wrote its own, if something was changed by hand since.
    behind = bool(values) and any(values[name] != value for name, value in held.items())
    if came_from_elsewhere:
        _clear_others(page)
    if kept is not None and came_from_elsewhere and not query:
        _fill(page, kept)
    elif came_from_elsewhere or (query != noted.get("query") and not behind):
        config, problems = RunConfig.from_query({k: v for k, v in query.items() if k not in view}, defaults)
        seen = {name: _whole(query.get(name), default, name, problems) for name, default in view.items()}
        _fill(page, config.settings() | seen)
        noted |= {"settings": None, "problems": problems, "query": query, "replaced": {}}
    else:
        noted["values"] = values | held
        _fill(page, {name: (kept or view)[name] for name in view if name not in held})


def problems(page: str) -> list[str]:
    """Sentences on what the page's link said that could not be used; none once something was changed by hand."""
    return list(notes(page).get("problems", []))


def keep(page: str, config: RunConfig, defaults: RunConfig, view: Mapping[str, int]) -> None:
    """Remember the page's settings and write them into the address, defaults left out."""
    noted = notes(page)
    seen = {name: int(st.session_state[setting_key(page, name)]) for name in view}
    settings = config.settings() | seen
    if noted.get("settings") not in (None, settings):
        noted["problems"] = []  # something was changed by hand: the link's problems are history
    noted["settings"] = noted["values"] = settings
    query = config.to_query(defaults) | {name: str(value) for name, value in seen.items() if value != view[name]}
    noted["query"] = query
    repeated = any(len(st.query_params.get_all(name)) > 1 for name in st.query_params)
    if repeated or st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def restore(page: str) -> None:
    """Give back the page's own settings whose controls the last run of a fragment did not draw, so that Streamlit
    forgot them."""
    state = st.session_state
    own = _own(notes(page).get("values", {}))
    _fill(page, {name: value for name, value in own.items() if setting_key(page, name) not in state})


def within(page: str, name: str, largest: int, smallest: int = 1) -> None:
    """Bring one of the page's own settings to `smallest` ... `largest`; say so if the link asked for another.

    What was chosen by hand comes back once there is room for it again, unless another was chosen since.
    """
    state, key = st.session_state, setting_key(page, name)
    replaced: dict[str, tuple[int, int]] = notes(page).setdefault("replaced", {})  # chosen value, value used instead
    chosen, used = replaced.pop(name, (state[key], state[key]))
    given = chosen if state[key] == used else state[key]
    state[key] = given
    from_link = _bring(page, name, min(max(given, smallest), largest), f"a whole number from {smallest} to {largest}")
    if state[key] != given and not from_link:
        replaced[name] = given, state[key]


def one_of(page: str, name: str, allowed: Sequence[int]) -> None:
    """Bring one of the page's own settings to the first of what is allowed if it is none of them; say so likewise."""
    given = st.session_state[setting_key(page, name)]
    _bring(page, name, given if given in allowed else allowed[0], " or ".join(map(str, allowed)))


def switch(page: str, name: str, label: str, help_text: str) -> bool:
    """A toggle over one of the page's own settings, which is 0 or 1 in the link."""
    key = setting_key(page, name)
    st.session_state[key] = bool(st.session_state[key])
    return st.toggle(label, key=key, help=help_text)


def pick(page: str, name: str, clicked: int) -> None:
    """Take over what was clicked on the board as the page's setting of that name."""
    st.session_state[setting_key(page, name)] = clicked


def _clear_others(page: str) -> None:
    """Take out the single settings of other pages, which they have in one piece as well, for when they are back.

    Streamlit's widgets look through all that a session holds, each of them at every run.
    """
    state = st.session_state
    parts = {str(key): str(key).partition(".") for key in state}
    for key, (other, _, name) in parts.items():
        if other != page and name in setting_schemas():
            del state[key]


def _held(page: str, view: Iterable[str]) -> dict[str, Any]:
    """Of the settings with a control, and of the page's own, those that still have their key."""
    state = st.session_state
    found = {name: state.get(setting_key(page, name), MISSING) for name in (*notes(page).get("controls", ()), *view)}
    return {name: value for name, value in found.items() if value is not MISSING}


def _own(values: Mapping[str, Any]) -> dict[str, Any]:
    """The page's own among them: those that are not a run's."""
    return {name: value for name, value in values.items() if name not in setting_schemas()}


def _bring(page: str, name: str, value: int, allowed: str) -> bool:
    """Set the widget to this value; return whether the link asked for another one, so that the page can say so."""
    state, key, noted = st.session_state, setting_key(page, name), notes(page)
    given = state[key]
    state[key] = value
    from_link = value != given and noted.get("settings") is None and name in noted["query"]
    if from_link:
        problem = f"{name} must be {allowed}, not {given}; {name}={value} is used."
        noted["problems"] = [*noted.get("problems", []), problem]
        st.warning(problem, icon=":material/link_off:")
    return from_link


def _fill(page: str, settings: Mapping[str, Any]) -> None:
    """Take these values over; settings of a run that have no control so far get no key of their own."""
    noted = notes(page)
    noted["values"] = noted.get("values", {}) | settings
    for name, value in settings.items():
        if name in noted.get("controls", ()) or name not in setting_schemas():
            st.session_state[setting_key(page, name)] = value


def _whole(text: str | None, default: int, name: str, problems: list[str]) -> int:
    if text is None:
        return default
    if text.isdecimal() and len(text) <= 5:
        return int(text)
    problems.append(f"{name} must be a whole number from 0 to 99999, not {shown(text)}; {name}={default} is used.")
    return default
