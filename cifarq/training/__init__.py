"""How a model is trained.

train.py     the loop; augment.py: what it does to images
resume.py    what a run needs to go on
progress.py  progress bars
"""
