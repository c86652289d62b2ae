"""Loss landscape along a line.

At a training step: the loss, and how much the gradient changes, at K step lengths along the gradient of the very batch
that the step is made with, or of a fixed batch, or along a random direction with filters as long as the weights'
(Santurkar et al. 2018, Sec. 3.1, Fig. 4; Li et al. 2018 for the random directions). Noise is replayed and running
statistics are frozen, so only the weights differ. The training itself follows its own learning rate.
"""

import numpy as np

from bnviz.core.record import Measurement
from bnviz.landscape.line import along, random_direction, step_lengths
from bnviz.probes import Snapshot

FIGURE = "Santurkar et al. 2018, Fig. 4"
PASSES = "line_points"
BATCH = "probe_data"


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """Dimension `alpha` (K step lengths); what is derived from it, for instance its range, is not stored."""
    config, objective = snapshot.config, snapshot.objective
    unit = config.learning_rate if config.line_in == "learning_rate" else 1.0
    lengths = step_lengths(config.line_from, config.line_to, config.line_points) * unit
    direction = random_direction(objective, config.seed, "line") if config.line_along == "random" else None
    line = along(objective, direction, lengths)

    def each(array: object, name: str) -> Measurement:
        return Measurement(np.asarray(array, np.float32), ("alpha",), name, "1", FIGURE)

    def once(value: float, name: str) -> Measurement:
        return Measurement(np.array(value, np.float32), (), name, "1", FIGURE)

    return {
        "line_alpha": each(line.lengths, "step length alpha"),
        "line_distance": each(line.distance, "distance moved, |alpha d|"),
        "line_loss": each(line.loss, "loss at theta - alpha d"),
        "line_gradient_change": each(line.gradient_change, "change of the gradient, |g(alpha) - g|"),
        "line_cosine": each(line.cosine, "cosine between the gradients, cos(g(alpha), g)"),
        "line_loss_here": once(line.loss_here, "loss at theta"),
        "line_gradient_norm": once(line.gradient_norm, "norm of the gradient, |g|"),
    }
