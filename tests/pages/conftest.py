"""The app in AppTest, with one real training service for all tests of this folder."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.local_script_runner import LocalScriptRunner

from bnviz.core.config import RunConfig
from bnviz.core.presets import PRESETS
from bnviz.core.record import Record
from bnviz.jobs.service import Service
from bnviz.records import gallery
from bnviz.records.gallery import findings
from bnviz.records.gallery.findings import StoredFindings
from bnviz.training import train
from bnviz.ui import board as boards
from bnviz.ui import live, session
from tests.made_findings import all_claims

APP = Path(__file__).parents[2] / "app.py"
SECONDS = 60  # nothing here takes as long, but machines are shared


@pytest.fixture(scope="session")
def service(tmp_path_factory) -> Iterator[Service]:
    """The app's own service, with two workers that cannot download MNIST."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BNVIZ_SCHEDULER", raising=False)
        patch.setenv("BNVIZ_WORKERS", "2")
        session.service.clear()
        service = session.service()
        service.prepare()
    yield service
    service.close()
    session.service.clear()


@pytest.fixture(autouse=True)
def routed(monkeypatch) -> None:
    """AppTest forgets before each run that the router has run, as it has on a server; then it would leave it out."""
    begin = PagesManager.__init__

    def remembering(self, *arguments, **options):
        begin(self, *arguments, **options)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", remembering)


@pytest.fixture(autouse=True)
def sessions_apart(monkeypatch) -> None:
    """Each AppTest is a session of its own, as each browser tab is.

    They all have the same name otherwise, and count as one visitor: if one stops a run, nobody else watches it.
    """
    begin = LocalScriptRunner.__init__

    def named(self, script_path, session_state, *arguments, **options):
        begin(self, script_path, session_state, *arguments, **options)
        self._session_id = f"session {id(session_state)}"

    monkeypatch.setattr(LocalScriptRunner, "__init__", named)


@pytest.fixture(scope="session")
def preset_record() -> Callable[[RunConfig], Record | None]:
    """The record of a preset's run, from the gallery or trained when first asked for; of 40 probed steps or more every
    15th, which is drawn sooner."""
    presets = {config.key for preset in PRESETS.values() for config in preset.configs().values()}
    shipped = gallery.find

    @cache
    def preset_record(config: RunConfig) -> Record | None:
        if config.key not in presets:
            return None
        record = shipped(config) or Record.from_frames(config, train(config))
        thinned = slice(0, None, 15 if record.data.sizes["probe_step"] >= 40 else 1)
        return replace(record, data=record.data.isel(probe_step=thinned))

    return preset_record


@pytest.fixture(scope="session")
def kept() -> StoredFindings:
    """Findings of every claim in every setting, made up: each is supported by default and nowhere else."""
    found = all_claims(
        {"default": "supported", "other": "contradicted"},
        values=(2.0, 3.0, 4.0, 5.0, 6.0) * 2,
        mean=4.0,
        low=2.0,
        high=6.0,
        rank_low=2.5,
        rank_high=5.5,
    )
    return StoredFindings("2026-01-31", {}, tuple(found))


@pytest.fixture(scope="session")
def numbers() -> str:
    """How the mean and both intervals of these findings are written."""
    return "4 (2 to 6; by ranks 2.5 to 5.5; 10 seeds)"


@pytest.fixture
def full_gallery(preset_record, kept, monkeypatch) -> None:
    """The gallery has the presets' runs and findings, whether or not its files are up to date."""
    monkeypatch.setattr(gallery, "find", preset_record)
    monkeypatch.setattr(findings, "read", lambda: kept)


@pytest.fixture
def asked(service, monkeypatch) -> list[RunConfig]:
    """What pages asked the service to train."""
    configs: list[RunConfig] = []
    submit = service.submit

    def note(config, *arguments, **options):
        configs.append(config)
        return submit(config, *arguments, **options)

    monkeypatch.setattr(service, "submit", note)
    return configs


@pytest.fixture
def opened(service, full_gallery) -> Callable[..., AppTest]:
    """Open a page of the app by its file's name and a link's query."""

    def opened(page: str = "activations", **query: str) -> AppTest:
        at = AppTest.from_file(str(APP), default_timeout=SECONDS).run()
        for name, value in query.items():
            at.query_params[name] = value
        at.switch_page(f"pages/{page}.py").run()
        assert not at.exception
        return at

    return opened


@pytest.fixture
def finish() -> Callable[[AppTest], AppTest]:
    """Look again until the page says that nothing trains; a fragment's own clock does not tick in AppTest."""

    def finish(at: AppTest) -> AppTest:
        end = time.monotonic() + SECONDS
        while any(button.label == "Stop" for button in at.button):
            assert time.monotonic() < end, [text.value for text in at.markdown]
            time.sleep(0.1)
            at.run()
            assert not at.exception
        return at

    return finish


@pytest.fixture(scope="session")
def status() -> Callable[[AppTest], str]:
    """The line that says what goes on."""

    def status(at: AppTest) -> str:
        lines = [text.value for text in at.markdown if text.value.startswith("**standard** ")]
        assert len(lines) == 1, lines
        return lines[0]

    return status


@pytest.fixture(scope="session")
def drawn() -> Callable[[AppTest], bool]:
    """Whether the page has a board."""

    def drawn(at: AppTest) -> bool:
        return any(one.proto.component_name == "bnviz_board" for one in at.get("bidi_component"))

    return drawn


@pytest.fixture(autouse=True)
def drawn_sections(monkeypatch) -> dict[str, list]:
    """By page, the sections of its board as they were drawn last."""
    sections: dict[str, list] = {}

    def noting(page, drawn, *arguments, **options):
        sections[page] = list(drawn)
        boards.board(page, drawn, *arguments, **options)

    monkeypatch.setattr(live, "board", noting)
    return sections


@pytest.fixture
def groups(drawn_sections) -> Callable[[AppTest, str], dict[str, dict]]:
    """The groups of a page's board as they are handed to the browser, by name; charts are figures by name."""

    def groups(_: AppTest, page: str) -> dict[str, dict]:
        return {
            section.name: {
                "name": section.name,
                "title": section.title,
                "caption": section.caption,
                "note": section.note,
                "action": section.button and dict(zip(("label", "event"), section.button, strict=True)),
                "charts": {name: json.loads(boards.rendered(call)[0]) for name, call in section.charts.items()},
            }
            for section in drawn_sections[page]
        }

    return groups


@pytest.fixture(scope="session")
def verdicts() -> Callable[[AppTest], str]:
    """All verdict boxes of a page."""

    def verdicts(at: AppTest) -> str:
        return "\n".join(text.value for text in at.markdown if "-badge[" in text.value)

    return verdicts


@pytest.fixture
def words(groups) -> Callable[[AppTest, str], list[str]]:
    """Everything that a page says in words, its board's captions and alternative texts included."""

    def words(at: AppTest, page: str) -> list[str]:
        kinds = ("title", "header", "markdown", "caption", "info", "warning", "error")
        said = [one.value for kind in kinds for one in getattr(at, kind)]
        for group in groups(at, page).values():
            said += [group["title"], group["caption"], group["note"]]
            for figure in group["charts"].values():
                said += [figure["layout"]["meta"]["title"], figure["layout"]["meta"]["alt"]]
        return said

    return words
