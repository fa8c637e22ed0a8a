"""What an artifact has to pass before it ships.

gates.py         parity, accuracy, speed: what fails, with its figure and what to do
speed.py         INT8 against FP32, interleaved, and the cause where it is slower
sensitivity.py   which layers lose the accuracy, and the fallback that returns them to FP32
interleaving.py  sessions that are timed in turns, for gates and experiments
interleaving_worker.py   the process that holds one of them
conversation.py  a child process that is asked again and again
"""
