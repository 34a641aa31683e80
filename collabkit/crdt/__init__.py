"""Documents, updates and presence: the only place that knows the CRDT engine.

What programs use is :mod:`~collabkit.crdt.document`, and what it gives out: ``text``,
``containers``, ``xml``, ``values``, ``changes`` and ``positions``. Below it, from the top:

- ``block`` ``desk`` ``history`` ``twin`` ``bridge``: which copy is edited, and what can be undone
- ``node`` ``sticking`` ``ear`` ``audience``: how handles and positions find what they name,
  and how changes are told
- ``core`` ``following`` ``branches``: the engine's document, held safely
- ``offsets`` ``values`` ``changes`` ``positions``: pure

What rooms use is :mod:`~collabkit.crdt.engine`, implemented by ``inprocess`` on ``replay``, which
judges updates with ``nesting``; with ``rebuild`` and ``digest`` for checkpoints. For strangers it
is implemented by ``sandbox`` in child processes:

- ``sandbox`` ``brood`` ``trials``: which child is asked, and what follows if it dies
- ``child`` ``nursery`` ``pipe``: how children are made, and spoken to
- ``child_loop`` ``nursery_loop``: what runs there

What a relay does without any engine is to read
bytes: ``update`` on ``scan``, ``structs``, ``roots``, ``contents``, ``budget`` and ``lib0``;
and to pass on presence: ``presence`` and ``awareness``.
"""
