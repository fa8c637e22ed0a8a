"""How a model is trained.

train.py       the loop; augment.py: what it does to images
report.py      what a run is, and what each epoch came to
run_folder.py  the folder of a run, which one process at a time writes
resume.py      what a run needs to go on
progress.py    progress bars
"""
