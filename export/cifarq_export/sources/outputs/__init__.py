"""What a model answers, and how it comes to answer logits: whatever it was given as.

heads.py      which of its outputs is the classifier's
meaning.py    what the numbers are: logits, or probabilities of which kind
canonical.py  whatever they are, the Source that is exported answers logits
module.py     how a PyTorch module is made to
onnx.py       how an ONNX graph is made to
"""
