"""Training in worker processes, through Dask: one code path for this machine and for a cluster.

`service` is what an app talks to: submit, watch, stop. Behind it, `connection` is a line to a scheduler, `cluster`
starts a scheduler on this machine where no other is named, and `worker` is what runs in its processes, the only place
where torch is imported. Nothing here knows of pages, or of what a run measures.
"""
