"""Setting a device up from its bundle alone: what it is, which wheels fit it, and installing them.

Needs the standard library alone: it runs where nothing is installed yet.

Where things are::

    platforms.py            devices by name: Python, machine and C library
    wheels.py               what a wheel's file name says, and why it does not fit
    fit.py                  what is wrong with a device or a bundle, before anything is written
    engine_import.py        an engine's import, tried in a process of its own
    script.py               the Python half of ``setup-device.sh``
    environment.py          the virtual environment that it makes
"""
