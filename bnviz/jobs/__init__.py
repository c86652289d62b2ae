"""Training in worker processes, through Dask: one code path for this machine and for a cluster.

`service` is what an app talks to: submit, watch, leave, stop. Behind it, `store` keeps results, `queue` says whose turn
it is, `dispatcher` gets jobs to workers through `connection`, a line to a scheduler; `cluster` starts one on this
machine where no other is named, and `worker` is what runs in its processes, the only place where torch is imported.
Nothing here knows of pages, or of what a run measures.
"""
