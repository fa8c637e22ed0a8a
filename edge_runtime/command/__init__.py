"""What every command does alike: how it starts, what it says, how it ends.

group.py     the click group that our commands share, and its boundary for errors
quantities.py   sizes and times as they are typed
program.py   a command as a program of the system: signals, and errors nobody expected
streams.py   answers on standard output, all else on standard error
"""
