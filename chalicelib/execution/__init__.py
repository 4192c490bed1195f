"""How a run is carried out: units of nodes, items of containers, one node at a time. `runner.py` is the way in.

`unit_run.py` runs the nodes of a unit and writes their results, `item_runs.py` the items of a container; both go by
`steps.py`, which decides for each node whether it runs and what came of it, and `node_call.py`, which calls it.
`conclusions.py` ends nodes that went on in Step Functions; `verdicts.py` is what Step Functions is told of failures.
"""
