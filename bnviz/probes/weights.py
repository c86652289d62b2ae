"""Weight snapshots.

All parameters at each probed step, where the network is small, so that a record tells the whole path of its training:
for instance to take principal components of it, or to put the weights back into a network. A larger network's weights
would be many times the rest of its record, and are not kept.
"""

import numpy as np

from bnviz.core.record import Measurement
from bnviz.landscape.objective import flat
from bnviz.probes import Snapshot

MOST = 32_768
"""Parameters of a network that counts as small: 128 KiB a snapshot; three layers of 100 units on digits have 27 710."""


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """`weights` (parameter): in the order of `torch.nn.utils.parameters_to_vector`; nothing for a larger network."""
    row = flat([parameter.detach() for parameter in snapshot.network.parameters()])
    if len(row) > MOST:
        return {}
    values = row.cpu().numpy().astype(np.float32)
    return {"weights": Measurement(values, ("parameter",), "every weight, bias and normalisation's parameter")}
