"""Results as charts, in Vega-Lite: one question a file. A page shows them, and papers.

runs.py        what is drawn: results files, each artifact with a colour and a shape
chart.py       a chart: its specification, what it says in words, and what all charts share
axes.py        scales and their ticks, units in words
labels.py      names beside lines and points, pushed apart
samples.py     every sample as a point, thinned where there are too many
latency.py     how the calls of each row are distributed
tradeoff.py    accuracy, size and latency against each other, with the frontier
startup.py     load, first call and steady state
memory.py      memory by stage
energy.py      what an inference takes, in mJ
scaling.py     what more threads and larger batches do
sustained.py   a load of minutes
operators.py   which operators take the time
files.py       the same artifact in several files
sections.py    all charts of some runs, under their headings
draw.py        charts as SVG and PNG
"""
