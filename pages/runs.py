"""Runs

What finished in this browser, run by run: links back, curves of two to four laid over each other, files in and out.
"""

from bnviz.ui.history.run_history import run_history
from bnviz.ui.page import Page, Prose
from bnviz.ui.page_view import show

SECTION = "Lab"
ORDER = 10
ICON = ":material/history:"

PAGE = Page(
    name="runs",
    question="What have I tried?",
    prose=Prose(
        introduction="""
Each row is one run of a comparison that finished in this browser. The list is kept by the browser, not by the app:
nobody else sees it, and it goes when you empty it below or clear the browser's data. Open a link to see the page as it
was; tick **two to four** rows to lay their curves over each other.
"""
    ),
    shares="The link leads to this page, not to your runs: they stay in your browser. To share a run, open its link.",
    content=(run_history,),
)

show(PAGE)
