"""Images with their labels.

datasets.py                   a data set as arrays: where it is looked for, how it is split
labelled.py                   images with their labels, brought to one size
pixel_store.py, cache.py      where pixels lie that would fill the memory; the user's cache
cifar10.py, image_folders.py  the layouts that are read
packs.py                      the real images that ship inside this package
"""
