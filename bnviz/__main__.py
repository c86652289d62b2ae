"""`python -m bnviz`: the command line."""

from bnviz.cli import main

main(prog_name="python -m bnviz")
