"""The router: one file in pages/ is one page. Start with `make run`, or `streamlit run app.py`.

A page's docstring begins with its title; its constants SECTION and ORDER say where it stands in the navigation.
"""

from functools import partial
from pathlib import Path

import streamlit as st

from bnviz.core import environment, registry
from bnviz.core.options import PLUGIN_FIELDS
from bnviz.ui.page_style import page_style
from bnviz.ui.router_guard import mark_routed
from bnviz.ui.share import FRONT_PAGE

PAGES = Path(__file__).parent / "pages"
ICON = Path(__file__).parent / "bnviz" / "ui" / "icon.svg"
SECTIONS = ("Start", "How it works", "What the papers measured", "What BN buys", "Beyond BN", "Lab", "Other")

st.set_page_config(page_icon=str(ICON), layout="wide")  # first: else a page's icon comes from another host

found = registry.read_folder(PAGES)
navigation: dict[str, list[st.Page]] = {}
for section in SECTIONS:
    here = [page for page in found.values() if page.constants.get("SECTION", "Other") == section and not page.error]
    for page in sorted(here, key=lambda one: (one.constants.get("ORDER", 1000), one.name)):
        front = page.name == FRONT_PAGE
        file = PAGES / f"{page.name}.py"
        icon = page.constants.get("ICON")
        entry = st.Page(file, title=page.label, icon=icon, url_path="" if front else None, default=front)
        navigation.setdefault(section, []).append(entry)
        if front:  # its address is the app's own; who types its name is sent there
            sent_on = st.Page(
                partial(st.switch_page, entry), title=page.label, url_path=FRONT_PAGE, visibility="hidden"
            )
            navigation[section].append(sent_on)
chosen = st.navigation(navigation)
st.set_page_config(page_title=f"{chosen.title} · bnviz")
page_style()
mark_routed()

kinds = [registry.plugins(kind) for kind in PLUGIN_FIELDS.values()]
for broken in (plugin for group in (found, *kinds) for plugin in group.values() if plugin.error):
    st.sidebar.warning(f"{broken.kind}/{broken.name}.py is left out: {broken.error}", icon=":material/extension_off:")

wrong = environment.problems()
for problem in wrong:
    st.error(f"This app is not set up as it should be: {problem}", icon=":material/build:")
if wrong:
    st.stop()  # rather than fail later, where visitors are not told why

chosen.run()
