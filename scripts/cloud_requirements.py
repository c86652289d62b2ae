"""Write deploy/streamlit-cloud/requirements.txt: the pins of requirements.txt, with PyTorch's CPU build.

`python -m scripts.cloud_requirements --find-links ADDRESS`; ADDRESS is a page or folder with links to CPU wheels of
torch. An index would not do: uv, which Streamlit Community Cloud tries before pip, takes a package from the first index
that has it, and PyTorch's index has other versions of some packages.

The address is not checked; docs/deploy.md describes how to test it.
"""

import argparse
import re

from scripts import PROJECT_FOLDER

TARGET = PROJECT_FOLDER / "deploy" / "streamlit-cloud" / "requirements.txt"
HEAD = "# Written by `python -m scripts.cloud_requirements`; do not change by hand."
TORCH = re.compile(r"^torch==([\w.]+)$", re.MULTILINE)
CONSTRAINTS = re.compile(r"^-c constraints\.txt$", re.MULTILINE)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--find-links", required=True, metavar="ADDRESS", help="lists the CPU wheels of torch")
    find_links = parser.parse_args().find_links
    try:
        text = cloud_requirements((PROJECT_FOLDER / "requirements.txt").read_text(encoding="utf-8"), find_links)
    except ValueError as error:
        parser.error(str(error))
    TARGET.write_text(text, encoding="utf-8")
    print(f"{TARGET.relative_to(PROJECT_FOLDER)} is written; commit it to the branch that you deploy.")


def cloud_requirements(requirements: str, find_links: str) -> str:
    """Return the requirements for the cloud, from the text of the root's requirements.txt.

    Raises:
        ValueError: the address is empty or has blanks, or the text has no line to change.
    """
    if not find_links or re.search(r"\s", find_links):
        raise ValueError(f"the address is {find_links!r}; give one address or folder, without blanks")
    text, torches = TORCH.subn(r"torch==\1+cpu", requirements)
    text, files = CONSTRAINTS.subn("-c ../../constraints.txt", text)
    if (torches, files) != (1, 1):
        raise ValueError("requirements.txt must have one line `torch==VERSION` and one line `-c constraints.txt`")
    return f"{HEAD}\n--find-links {find_links}\n\n{text}"


if __name__ == "__main__":
    main()
