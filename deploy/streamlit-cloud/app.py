"""bnviz for Streamlit Community Cloud, which installs the requirements.txt beside the script that it is told to run.

The one here names PyTorch's CPU build; scripts/cloud_requirements.py writes it. What is run is the app's own router.
`pages` and `static` are links, because Streamlit looks for both beside the script. Knows nothing else of the app.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

PROJECT_FOLDER = Path(__file__).resolve().parents[2]

if str(PROJECT_FOLDER) not in sys.path:
    sys.path.insert(0, str(PROJECT_FOLDER))
# A plain import would run it once, not at each visit; runpy exchanges a module that all sessions' threads share.
router = spec_from_file_location("bnviz_router", PROJECT_FOLDER / "app.py")
assert router is not None
assert router.loader is not None
router.loader.exec_module(module_from_spec(router))
