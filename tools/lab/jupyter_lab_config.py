"""What `make lab` starts with; any of LAB_ARGS overrules it, since JupyterLab reads them last.

`labconfig/page_config.json` beside it switches off one extension, in this JupyterLab alone: the
one that asks whether to fetch news, and looks for updates.
"""

import os

c = get_config()  # JupyterLab gives this name to its configuration files
c.ServerApp.root_dir = os.getcwd()  # noqa: PTH109 (a text is wanted)
c.LabApp.default_url = f"/lab/tree/{os.environ['XMODAL_START']}"
