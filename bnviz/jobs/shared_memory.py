"""Imported last into the process that workers are forked from: what is there by then is left out of garbage collection.

A collection would write into every object's header, and so give each worker its own copy of memory that they share.
"""

import gc

gc.collect()
gc.freeze()
