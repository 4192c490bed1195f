"""JSONata as Stepgraph runs it: its functions and ours, its limits, its failures in plain words.

`tokens` reads a text, `functions` knows what may be called, `evaluation` evaluates within limits, `explain` finds the
place of a failure. `growth` tells texts that can only make little; `sandbox` evaluates all others in a `worker`, a
process with a bound on its memory. Only the standard library and jsonatapy are imported: the worker starts quickly.
"""
