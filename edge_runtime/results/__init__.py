"""What was measured, its document, and what it means.

rows.py        a run has rows, a row has turns
turns.py       a turn has samples, memory, and the machine's state around it
accuracy.py    what an artifact answered to images
settings.py    how a run measures
document.py    the JSON document
statistics.py  percentiles and intervals
parity.py      whether an artifact computes what the FP32 model does
changes.py     what happened on the machine between two readings
rules.py       what makes a row doubtful; verdict.py: whether a number may be believed
needs.py       what a row has to be to be recommended
recommendation.py  the fastest of those, as far as intervals show it
comparison.py  result documents beside each other
"""
