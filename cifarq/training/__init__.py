"""How a model is trained.

train.py       the loop; run.py: what it goes through
ranks.py       the processes that train together
batches.py     images on the device; augment.py, photographs.py: what is done to them
schedule.py    learning rate and image size over a run
loss.py        what a step makes smaller
average.py     the mean of the weights, which is what is kept
qat.py         quantization-aware training
fake_quantize.py    where a network is rounded for it; rounding.py: and how
imbalance.py   classes of which there are more images than of others
network.py     what is trained, as it begins; freezing.py: what of it does not learn
report.py      what a run is, and what each epoch came to
run_folder.py  the folder of a run, which one process at a time writes
resume.py      what a run needs to go on
progress.py    progress bars
events.py      TensorBoard's event files
"""
