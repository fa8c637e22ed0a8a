"""The folder that is copied to a device.

build.py         all of it, from a source
request.py       what is asked for
artifact.py      one artifact: written, opened again, checked, layers returned to FP32
timing.py        the speed of INT8 artifacts on this CPU
slow_blocks.py   blocks of slow static INT8 back to FP32
gating.py        which gates an artifact fails, and what its user is warned of
staging.py       a folder that takes its place whole or not at all
summary.py       what is printed of it
options.py       what the command line says of the folder and what travels in it
pyz.py           edge-bench.pyz; pyz_main.py: what it runs first
wheelhouse.py    the wheels for a device without internet; wheel_download.py fetches them
tarball.py       the folder as one reproducible file
"""
