"""From a drawn graph to a Step Functions state machine.

    graph_definition --shape--> GraphShape --validate--> Graph --plan--> Plan --asl--> definition, --certificate--> cost

Pure: values in, values out; no environment, network or database, and no node type is known by name. The one clock is
the default of what a node is given when it runs (`node_type`), which tests replace.

- `shape` reads the parts of React Flow's `toObject()` that mean something; a value of another shape is malformed.
- `validate` finds everything that is wrong with the meaning, all at once, and strips the layout.
- `plan` is the middle form, made in steps: `units` groups nodes into the Lambda calls that run them; `order` nests the
  units in sequences and parallels, with gates where nesting can't say the order; `conditions` lifts what depends on one
  outcome into Choices; `verify` compares the result with the drawn order; `costs` counts.
- `asl` writes a plan as an Amazon States Language definition, named by its content; `states` has its parts.
- `certificate` tells the cost of a run, and refuses a graph that could break a limit of Step Functions.
"""
