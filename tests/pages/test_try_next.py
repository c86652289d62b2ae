"""What pages propose to try next: links that they understand themselves, and that change one thing."""

import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.presets import DEFAULTS

SUGGESTED = re.compile(r"^- \[([^]]+)\]\(/(\w+)\?([^)]+)\): (.+)$", re.MULTILINE)
LOOKED_AT = {"layer", "unit"}
ONE_CHOICE = {"line_from": "line_range", "line_to": "line_range", "line_in": "line_range"}


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_page_proposes_links_that_it_understands_and_says_if_they_change_more_than_one_thing(name, opened):
    text = "\n".join(one.value for one in opened(name).markdown)
    suggestions = SUGGESTED.findall(text)
    assert len(suggestions) >= 3
    for label, target, query, watch in suggestions:
        assert target == name
        link = dict(parse_qsl(query))
        run = {setting: value for setting, value in link.items() if setting not in LOOKED_AT}
        config, problems = RunConfig.from_query(run, DEFAULTS[name])
        assert problems == []
        assert config.to_query(DEFAULTS[name]) == run, "it says nothing that is so anyway"
        changed = {ONE_CHOICE.get(setting, setting) for setting in run}
        assert (len(changed) > 1) == ("This one changes" in watch), label
        if "layer" in link:
            assert 1 <= int(link["layer"]) <= len(config.widths) + 1


def test_every_page_with_settings_is_among_them():
    assert set(DEFAULTS) == set(registry.read_folder(Path(__file__).parents[2] / "pages")) - {"overview", "runs"}
