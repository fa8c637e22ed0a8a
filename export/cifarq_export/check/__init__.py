"""What an artifact has to pass before it ships.

baseline.py      the FP32 model's answers, which artifacts are compared with
arithmetic.py    by which arithmetic an artifact's answers are computed: its target's
gates.py         parity, accuracy, speed: what fails, with its figure and what to do
speed.py         INT8 against FP32 on this CPU
recovery.py      which way of finding ranges keeps the accuracy, where the first one does not
sensitivity.py   which layers lose the accuracy, and the fallback that returns them to FP32
interleaving.py  sessions timed interleaved, for gates and experiments
interleaving_worker.py   the process that holds one of them
conversation.py  a child process that is asked again and again
"""
