"""Documents, updates and presence: the only place that knows the CRDT engine."""
