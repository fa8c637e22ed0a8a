"""What was measured, its document, and what it means.

rows.py        a run has rows, a row has turns
turns.py       a turn has samples, memory, and the machine's state around it
accuracy.py    what an artifact answered to images
energy.py      what an inference takes, in joules
profile.py     what its operators take; causes.py: sentences on why it is fast or slow
settings.py    how a run measures
sustained.py   a row under a sustained load: bins, burst and plateau, and whether a rate was held
slowdown.py    why such a load became slower
document.py    the JSON document
statistics.py  percentiles and intervals
parity.py      whether an artifact computes what the FP32 model does
changes.py     what happened on the machine between two readings
rules.py       what makes a row doubtful; verdict.py: whether a number may be believed
budget.py      the limits of a run
needs.py       what a row has to be to be recommended
limits.py      a figure held to a limit: kept, broken, or it cannot be told
budgets.py     every row held to a budget; regressions.py: every pair to its first file
side_by_side.py    the rows of later bundles held to the first one's, in one run
signed_ranks.py    the interval of their ratios
recommendation.py  the fastest of those, as far as intervals show it
comparison.py  result documents beside each other
history.py     many of them in the order of their runs; steps.py: where a level changed
"""
