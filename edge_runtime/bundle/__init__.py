"""What was copied to this device: a bundle's manifest, its images, and what it brings to install.

manifest.py       what a bundle says of itself
integrity.py      whether its files are those that the manifest means
paths.py          what its files are called, and that none lies outside it
location.py       which bundle, and which artifacts, a path means
golden.py         the real images that travel along
preprocess.py     how images become inputs
resizing.py       how they are brought to the input's size before
probabilities.py  how logits become probabilities
tuned.py          settings of engines that were found to be faster here
installing.py     what is missing here, and what of the bundle installs it
"""
