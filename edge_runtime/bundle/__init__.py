"""What was copied to this device: a bundle's manifest, its images, and what it brings to install.

manifest.py    what a bundle says of itself, and the check that its files are the ones it means
golden.py      the real images that travel along
preprocess.py  how images become inputs
location.py    which bundle is meant where none is named
installing.py  what is missing here, and what of the bundle installs it
"""
