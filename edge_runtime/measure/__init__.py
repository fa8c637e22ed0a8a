"""How artifacts are measured: one plan; rounds, kept as they end; one process a turn; its samples.

command.py, options.py  ``edge-bench run``
plan.py                 which artifacts, in which order, and how
recording.py            a run from its first round to its last, kept in a file
runner.py               rounds through all rows, each turn in a process of its own
worker.py               that process: one artifact, one engine, one turn
timing.py               warm-up and samples
null.py                 a session that computes nothing: what remains is the harness
child.py                how a process is started, and what its end means
accuracy.py             how often a model is right
accuracy_data.py        other labelled images than the golden ones
self_check.py           what the golden images are answered, before anything is timed
"""
