"""HTTP requests to the outside: where they may go, how long and how far, and what becomes of the answers.

`client` sends one request over a `connection` to an address that was checked (`urls`, `addresses`), with headers that
are the caller's to set (`headers`), and tells `failures` in the user's words. `content` makes bodies of values and
values of bodies, `semantics` knows which answers are good and which requests may be made again, `pages` reads answers
that come in pages.
"""
