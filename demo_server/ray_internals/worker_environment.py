"""What the environment of a worker says: which job it is for, and what it shall have imported.

Imports next to nothing: each worker's start goes through it.
"""

from __future__ import annotations

# The job that Ray starts a worker for; this one is for any.
JOB, NO_JOB = "RAY_JOB_ID", "ffffffff"
# The process id of the raylet, with which its workers end.
RAYLET = "RAY_RAYLET_PID"
# What is imported before an actor asks for the worker, and the version of the code among it.
MODULES, CODE = "DEMO_PRELOAD_MODULES", "DEMO_PRELOAD_CODE"
# The directory in which fork servers listen; see `worker_start.py`.
FORK_SERVERS = "DEMO_FORK_SERVERS"
BASE = "base"
# In it, each forked process has a file by its process id, with those of its variables.
RECORDED = (JOB, MODULES, CODE)
