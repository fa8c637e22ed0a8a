"""How artifacts are measured: one plan; rounds, kept as they end; one process a turn; its samples.

command.py, options.py  ``edge-bench run``
plan.py                 which artifacts, in which order, and how
progress.py             how far it is, on standard error
recording.py            a run from its first round to its last, kept in a file
runner.py               a check of each artifact, then rounds through all rows, in processes
extras.py               what is measured of a row after its rounds, on request
energy.py               one of these: what an inference takes, in joules
profiling.py            one: what the operators take, by the engine's profiler
sustained.py            one: a load for minutes, in bins
pacing.py               its clock, and calls at a fixed rate
worker.py               such a process: one artifact, one engine, a check, one turn or an extra
tuning.py               the fastest settings of an engine, within a budget of time
timing.py               warm-up and samples
null.py                 a session that computes nothing: what remains is the harness
request.py              what it is asked, and what it answers
child.py                how a process is asked in JSON, and what its answer or its end means
process.py              such a process: its output bounded, and nothing that it started left behind
start.py                where such a process starts
accuracy.py             how often a model is right
accuracy_data.py        other labelled images than the golden ones
self_check.py           what a check of an artifact's answers tells its user
"""
