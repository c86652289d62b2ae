"""What holds for every page: a new file in pages/ is tested by being there."""

import ast
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from bnviz.core import registry

APP = Path(__file__).parents[2] / "app.py"
PAGES = registry.read_folder(APP.parent / "pages")
SECTIONS = next(
    ast.literal_eval(node.value)
    for node in ast.parse(APP.read_text()).body
    if isinstance(node, ast.Assign) and node.targets[0].id == "SECTIONS"
)


def test_the_app_opens_on_the_overview(service, full_gallery):
    at = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not at.exception
    assert at.title[0].value == "Why does batch norm work?"
    assert not at.sidebar.warning


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_it_is(name):
    page = PAGES[name]
    assert page.error is None
    assert page.label[0].isupper()
    assert page.constants["SECTION"] in SECTIONS
    assert isinstance(page.constants["ORDER"], int)
    assert page.constants["ICON"].startswith(":material/")
    assert page.constants.get("PAGE", name) == name, "keys of session state, and links to it"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_on_a_question_with_nothing_wrong(name, opened, asked):
    at = opened(name)
    assert len(at.title) == 1
    assert at.title[0].value.endswith("?")
    assert not at.error
    assert not at.warning
    assert not at.info
    assert asked == [], "a page that just opens trains nothing if the gallery has its runs"
    at.run()
    assert not at.exception


@pytest.mark.parametrize("name", sorted(set(PAGES) - {"runs"}))  # which has a table
def test_a_page_shows_a_board_at_once(name, opened, drawn):
    at = opened(name)
    assert drawn(at), "never an empty page"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_bears_a_link_that_was_not_made_for_it(name, opened):
    at = opened(name, unknown="1", lr="nan", steps="1e12", unit="-5")
    assert len(at.title) == 1


def test_pages_are_left_and_come_back_to(opened):
    at = opened()
    for name in [*PAGES, *PAGES]:
        at.switch_page(f"pages/{name}.py").run()
        assert not at.exception
        assert len(at.title) == 1


def test_settings_that_cannot_be_used_are_named_instead_of_a_page(monkeypatch):
    monkeypatch.setenv("BNVIZ_GRACE_SECONDS", "soon")
    monkeypatch.setenv("BNVIZ_QUEUE", "0")
    at = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not at.exception
    assert not at.title
    said = [error.value for error in at.error]
    assert len(said) == 2
    assert any("BNVIZ_GRACE_SECONDS is 'soon'; it must be a number of seconds" in one for one in said)
    assert any("BNVIZ_QUEUE is '0'" in one for one in said)
    monkeypatch.delenv("BNVIZ_GRACE_SECONDS")
    monkeypatch.delenv("BNVIZ_QUEUE")
    assert at.run().title


def test_broken_plugins_and_pages_are_named_and_do_not_take_the_app_down(opened, monkeypatch):
    read = registry.read_folder

    def with_broken(folder):
        found = dict(read(folder))
        if folder.name in ("norms", "pages"):
            found["oops"] = registry.Plugin(folder.name, "oops", "oops", "", error="invalid syntax (oops.py, line 3)")
        return found

    monkeypatch.setattr(registry, "read_folder", with_broken)
    at = opened()
    told = [warning.value for warning in at.sidebar.warning]
    assert len(told) == 2
    assert all("oops.py is left out: invalid syntax" in text for text in told)
