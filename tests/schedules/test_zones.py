"""Changes of offsets are found by samples: no zone changes faster than these see, and none is missed."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from chalicelib.schedules.zones import SAMPLED, changes

SINCE, UNTIL = datetime(2000, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)


def changes_in_file(name: str) -> list[tuple[datetime, int, int]]:
    """The changes of the offset (in seconds) in a zone's file, by RFC 9636: of its second part, that of 64 bits."""
    data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    counts = struct.unpack(">6l", data[20:44])
    second = 44 + counts[3] * 5 + counts[4] * 6 + counts[5] + counts[2] * 8 + counts[1] + counts[0]
    _, _, _, times, types, _ = struct.unpack(">6l", data[second + 20 : second + 44])
    body = second + 44
    moments = struct.unpack(f">{times}q", data[body : body + times * 8])
    kinds = data[body + times * 8 : body + times * 9]
    infos = body + times * 9
    offsets = [struct.unpack(">l", data[infos + kind * 6 : infos + kind * 6 + 4])[0] for kind in range(types)]
    found = [
        (datetime.fromtimestamp(moment, UTC), offsets[before], offsets[after])
        for (_, before), (moment, after) in pairwise(zip(moments, kinds, strict=True))
        if moment > 0
    ]
    return [each for each in found if each[1] != each[2] and SINCE <= each[0] < UNTIL]


NAMES = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))


@pytest.mark.parametrize("name", NAMES[::12])
def test_the_changes_of_a_file_are_found(name: str) -> None:
    """Files end with a rule for the years after their last change, so we compare up to that one."""
    wanted = changes_in_file(name)
    years = range(SINCE.year, wanted[-1][0].year + 1 if wanted else SINCE.year + 1)
    found = [change for year in years for change in changes(ZoneInfo(name), year)]
    assert (
        wanted == [(each.at, each.before.total_seconds(), each.after.total_seconds()) for each in found][: len(wanted)]
    )


def test_no_zone_changes_twice_between_two_samples() -> None:
    for name in NAMES:
        assert all(later[0] - earlier[0] > SAMPLED for earlier, later in pairwise(changes_in_file(name))), name
