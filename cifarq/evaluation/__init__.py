"""How good and how large a model is.

evaluate.py   top-1 with its interval, for checkpoints and artifacts alike
confusion.py  which classes are taken for which others
inventory.py  each model's size and cost; card.py: what a shipped one was measured to be
noise.py      how far an approximation lies from what it stands for
"""
