"""Training in worker processes through Dask: the same code on this machine and on a cluster.

An app calls `service`: submit, watch, release, stop. Behind it, `result_store` keeps results, `fair_queue` orders
waiting runs, and `dispatcher` sends them to workers through a `connection` to a scheduler. `local_cluster` starts a
scheduler and workers on this machine where no other scheduler is named. `worker` runs in the worker processes, the
only ones that import torch.
"""
