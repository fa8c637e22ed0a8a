"""Say what helps on a board: Python packages, one a line, and network interfaces other than lo."""

import importlib.util
import socket

for name in ("numpy", "onnxruntime", "torch", "PIL", "click", "cifarq", "edge_runtime"):
    if importlib.util.find_spec(name):
        print("package", name)
for _, interface in socket.if_nameindex():
    if interface != "lo":
        print("network", interface)
