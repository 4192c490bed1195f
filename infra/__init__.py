"""What puts Stepgraph into an account: the bundle of the Lambdas, and the template around it."""
