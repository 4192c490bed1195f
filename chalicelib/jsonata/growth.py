"""Which texts can only make little: they are evaluated in this process, all others in the sandbox.

What a small text makes is bounded by what it is given, times the places where it names it. So it has no loop of any
kind (a function of its own, a step that computes, a range), no variable of its own, and calls only functions whose
result is not larger than what they get, or not much.
"""

from __future__ import annotations

from functools import lru_cache

from .tokens import Token, at, ends_operand, is_call, tokens

SMALL = frozenset(
    """abs append assert average base64decode base64urlDecode base64urlEncode base64encode boolean ceil contains count
    dateAdd dateDiff dateFormat dateParse dateTruncate decodeUrl decodeUrlComponent encodeUrl encodeUrlComponent error
    exists floor hash hmac keys length lookup lowercase max merge millis min not now number power random reverse round
    sqrt string substring substringAfter substringBefore sum toJson toMillis trim type uppercase uuid""".split()
)
_GROWING = dict.fromkeys(("base64encode", "base64urlEncode", "encodeUrl", "encodeUrlComponent", "string", "toJson"), 2)
MAX_COST = 8
_LOOPS = frozenset({"..", "~>", "@", "#", "|", "**"})


@lru_cache(maxsize=4096)
def is_small(source: str) -> bool:
    """Whether a text that parses can make little more than it is given."""
    found = list(tokens(source))
    costs = [_cost(found, index) for index in range(len(found))]
    return None not in costs and sum(cost or 0 for cost in costs) <= MAX_COST


def _cost(found: list[Token], index: int) -> int | None:
    """How much a token may add; None for one that may add anything."""
    token, before = found[index], at(found, index - 1)
    if token.kind == "variable":
        return _cost_of_name(found, index)
    if token.kind == "assign" or (token.kind == "word" and _is_function(found, index)):
        return None
    if token.kind != "other":
        return 0
    computes = before.text == "." and token.text != "*"
    groups = token.text == "{" and index > 0 and ends_operand(before)
    parent = token.text == "%" and (index == 0 or not ends_operand(before))
    return None if token.text in _LOOPS or computes or groups or parent else 0


def _cost_of_name(found: list[Token], index: int) -> int | None:
    name = found[index].text[1:]
    if at(found, index - 1).text == ".":
        return None
    if is_call(found, index):
        return _GROWING.get(name, 0) if name in SMALL else None
    return 1


def _is_function(found: list[Token], index: int) -> bool:
    is_step = at(found, index - 1).text == "."
    return found[index].text in ("function", "λ") and at(found, index + 1).text == "(" and not is_step
