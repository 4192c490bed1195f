"""JSONata as Stepgraph runs it: its functions and ours, its limits, its failures in plain words.

`tokens` reads a text, `syntax` says why one does not parse, `functions` (`dates`, `texts`) what may be called.
`evaluation` evaluates; `failures` says why that failed, `tracing` where. `sandbox` is what callers use: what makes
little of what it is given (`growth`) is evaluated in this process, all else in a `worker`, a process with bounds on its
memory and time. Only the standard library and jsonatapy are imported: the worker starts quickly.
"""
