"""Train networks and yield what is measured: `train(config)` for one run, `batched` for many at once."""

from bnviz.training.training_loop import train

__all__ = ["train"]
