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

OPTIONS = {
    "line_points": {
        "type": "integer",
        "default": 8,
        "minimum": 2,
        "maximum": 64,
        "rungs": (4, 6, 8, 12, 16, 24),
        "label": "Step lengths looked at",
        "help": "K: step lengths looked at along a line, besides none",
    },
    "line_from": {
        "type": "number",
        "default": 0.5,
        "above": 0.0,
        "maximum": 1000.0,
        "less_than": "line_to",
        "label": "Shortest step",
        "help": "the shortest step length along a line",
    },
    "line_to": {
        "type": "number",
        "default": 4.0,
        "above": 0.0,
        "maximum": 1000.0,
        "label": "Longest step",
        "help": "the longest step length along a line",
    },
    "line_in": {
        "type": "choice",
        "default": "learning_rate",
        "choices": {"learning_rate": "times the learning rate", "absolute": "as they are"},
        "label": "in units of",
        "help": "step lengths in multiples of the learning rate, or as they are",
    },
    "line_along": {
        "type": "choice",
        "default": "gradient",
        "choices": {"gradient": "the gradient (as the paper)", "random": "a random direction"},
        "label": "Look along",
        "help": "against the gradient, or a random direction with each filter as long as its weights",
    },
}

FIGURE = "Santurkar et al. 2018, Fig. 4"
PASSES = "line_points"
BATCH = "probe_data"


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """Dimension `alpha` (K step lengths); what is derived from it, for instance its range, is not stored."""
    config, objective = snapshot.config, snapshot.objective
    unit = config.learning_rate if config.option("line_in") == "learning_rate" else 1.0
    lengths = step_lengths(config.option("line_from"), config.option("line_to"), config.option("line_points")) * unit
    direction = random_direction(objective, config.seed, "line") if config.option("line_along") == "random" else None
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
