"""What will go wrong on a device, said before it does: ``edge-bench doctor``.

On the device itself it looks; for a device that is only named (``--target pi4-bookworm``) it says
what a name can tell, and what remains to be seen there.

    finding.py   a line: ok, warning, fatal or unknown, with what to do
    facts.py     what is known of the device, looked up or named
    system.py    what the machine, its system and its state allow
    contents.py  whether the bundle is whole, and its wheels and artifacts are for this device
    engines.py   what the engines do when they are tried
    examine.py   all of it, in the order in which it is read
    command.py   what is typed and printed
    listing.py   ``edge-bench engines``: which there are, and which are here
"""
