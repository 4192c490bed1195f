"""What an expression may call: JSONata's functions and ours, with how many arguments each takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from . import dates, texts

# The functions of JSONata 2.1 (https://docs.jsonata.org) with the most arguments they take; `*` is no end. Without
# $eval, whose text no one can check on save. Many take what is left out from the context, so there is no least.
_STANDARD = """abs:1 append:2 assert:2 average:1 base64decode:1 base64encode:1 boolean:1 ceil:1 contains:2 count:1
    decodeUrl:1 decodeUrlComponent:1 distinct:1 each:2 encodeUrl:1 encodeUrlComponent:1 error:1 exists:1
    filter:2 floor:1 formatBase:2 formatInteger:2 formatNumber:3 fromMillis:3 join:2 keys:1 length:1
    lookup:2 lowercase:1 map:2 match:3 max:1 merge:1 millis:0 min:1 not:1 now:2 number:1 pad:3 parseInteger:2
    power:2 reduce:3 replace:4 reverse:1 round:2 shuffle:1 sift:2 single:2 sort:2 split:3 spread:1 sqrt:1
    string:2 substring:3 substringAfter:2 substringBefore:2 sum:1 toMillis:2 trim:1 type:1 uppercase:1 zip:*"""

UNBOUNDED = 1_000


class Arguments(NamedTuple):
    """How many arguments a function takes."""

    least: int
    most: int

    def __str__(self) -> str:
        if self.least == self.most:
            return f"{self.most} argument{'s' * (self.most != 1)}"
        return f"{self.least} to {self.most} arguments" if self.least else f"at most {self.most} argument(s)"


class Own(NamedTuple):
    """A function that JSONata or jsonatapy lacks; `overrides` where jsonatapy knows the name."""

    call: Callable[..., Any]
    arguments: Arguments
    overrides: bool = False
    takes_null: bool = False
    """Any other gives nothing for nothing, as those of JSONata do."""


OWN: Mapping[str, Own] = MappingProxyType(
    {
        "base64urlDecode": Own(texts.base64url_decode, Arguments(1, 1)),
        "base64urlEncode": Own(texts.base64url_encode, Arguments(1, 1)),
        "dateAdd": Own(dates.date_add, Arguments(3, 4)),
        "dateDiff": Own(dates.date_diff, Arguments(3, 4)),
        "dateFormat": Own(dates.date_format, Arguments(1, 3)),
        "dateParse": Own(dates.date_parse, Arguments(1, 3)),
        "dateTruncate": Own(dates.date_truncate, Arguments(2, 3)),
        "hash": Own(texts.hash_text, Arguments(1, 3)),
        "hmac": Own(texts.hmac, Arguments(2, 4)),
        "parseJson": Own(texts.parse_json, Arguments(1, 1)),
        "random": Own(texts.random, Arguments(0, 0), overrides=True),
        "toJson": Own(texts.to_json, Arguments(1, 1), takes_null=True),
        "uuid": Own(texts.uuid, Arguments(0, 0)),
    }
)


def _standard() -> dict[str, Arguments]:
    pairs = (entry.split(":") for entry in _STANDARD.split())
    return {name: Arguments(0, UNBOUNDED if most == "*" else int(most)) for name, most in pairs}


FUNCTIONS: Mapping[str, Arguments] = MappingProxyType(
    _standard() | {name: function.arguments for name, function in OWN.items()}
)


def register(expression: Any, names: tuple[str, ...]) -> None:
    """Give a compiled expression those of our functions."""
    for name in names:
        function = OWN[name]
        put = expression.register_override if function.overrides else expression.register
        put(name, partial(_called, name, function))


def _called(name: str, function: Own, *arguments: Any) -> Any:
    """Raises ValueError in words that begin with the name; it holds no value."""
    if not function.arguments.least <= len(arguments) <= function.arguments.most:
        raise ValueError(f"${name} takes {function.arguments}")
    if arguments and arguments[0] is None and not function.takes_null:
        return None
    try:
        return function.call(*arguments)
    except OverflowError:
        raise ValueError(f"${name}: the date is outside the years 1 to 9999") from None
    except (ValueError, TypeError) as error:
        told = str(error) if type(error) is ValueError else "an argument is of the wrong kind"
        raise ValueError(f"${name}: {told}") from None
