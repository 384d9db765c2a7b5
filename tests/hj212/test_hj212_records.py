"""What a window, or several joined, come to in the fields of an HJ 212 record."""

from __future__ import annotations

import msgspec
import pytest

from edge_agent.config.hj212 import Hj212
from edge_agent.hj212 import cp_to_mapping
from edge_agent.messages.dust import DustData, Statistic
from edge_agent.messages.envelope import rfc3339
from edge_agent.uplink.hj212_records import combined, day_and_night_cp, exceeded, factors, period_cp


def test_combined_windows_weigh_noise_by_energy_and_tell_what_is_missing() -> None:
    def part(noise: float, flag: str = "N", share: float = 1.0, count: int = 60) -> DustData:
        value = Statistic(mean=noise if count else None, min=noise, max=noise, count=count, flag=flag, share=share)
        return DustData(sensor="s", start="2026-01-01T00:00:00.000Z", window_s=60, values={"noise_db": value})

    whole = combined([part(60), part(70)], 0, 120).values["noise_db"]
    assert whole.mean == pytest.approx(67.404, abs=1e-3)
    gap = combined([part(60), part(0, "D", 0.0, 0)], 0, 180).values["noise_db"]
    assert (gap.flag, gap.share, gap.mean) == ("D", 0.3333, 60)
    assert combined([part(60)], 0, 180).values["noise_db"].flag == "B"


def levels_of(*levels_db: float) -> dict[int, int]:
    return {round(level * 10): levels_db.count(level) for level in levels_db}


def test_levels_exceeded_are_counted_from_the_highest() -> None:
    """A hundred samples of 31.0 to 130.0 dB: the 5th, 10th, 50th, 90th and 95th from above."""
    levels = levels_of(*(31.0 + n for n in range(100)))
    assert [exceeded(levels, percent) for percent in (5, 10, 50, 90, 95)] == [126.0, 121.0, 81.0, 41.0, 36.0]
    assert {exceeded({584: 1}, percent) for percent in (5, 95)} == {58.4}
    with pytest.raises(ValueError, match="no samples"):
        exceeded({}, 50)


def noise(hour: float, mean: float, count: int = 3600, window_s: float = 3600.0) -> DustData:
    """Of 2026-07-15, in China's time."""
    value = Statistic(mean=mean, min=mean, max=mean, count=count, flag="N", levels={round(mean * 10): count})
    start = rfc3339(1784044800 + 3600 * hour)
    return DustData(sensor="s", start=start, window_s=window_s, values={"noise_db": value})


def test_the_standards_noise_record_has_its_form() -> None:
    """The very record of table C.26, from levels that make it."""
    levels = levels_of(*[54.0] * 2 + [53.0] * 10 + [49.0] * 60 + [45.0] * 20 + [43.0] * 6 + [42.0] * 2)
    value = Statistic(mean=50.0, min=42.0, max=54.0, count=100, flag="N", levels=levels)
    data = DustData(sensor="s", start=rfc3339(0), window_s=600, values={"noise_db": value})
    table = factors(Hj212(host="h", port=1, mn="A", password="1"))
    said = ";".join(f"{name}={text}" for [(name, text)] in period_cp(data, 0, table, 8)[1:])
    assert said == (
        "L5-Data=53.0;L10-Data=53.0;L50-Data=49.0;L90-Data=45.0;L95-Data=43.0;Leq-Data=50.0;LMx-Data=54.0;LMn-Data=42.0"
    )


def test_joined_windows_join_their_levels() -> None:
    minutes = [noise(10, 60, 40, 60), noise(10.02, 70, 60, 60)]
    assert combined(minutes, 0, 120).values["noise_db"].levels == {600: 40, 700: 60}
    old = DustData(
        sensor="s", start=rfc3339(0), window_s=60,
        values={"noise_db": Statistic(mean=1.0, min=1.0, max=1.0, count=1, flag="N")},
    )  # fmt: skip
    assert combined([*minutes, old], 0, 180).values["noise_db"].levels is msgspec.UNSET


def test_the_day_is_from_six_to_ten_at_night() -> None:
    """Ldn by hand: 10 lg ((16 * 10^6 + 8 * 10^6) / 24) = 60 for Ld 60 and Ln 50."""
    table = factors(Hj212(host="h", port=1, mn="A", password="1"))
    hours = [noise(hour, 60 if 6 <= hour < 22 else 50) for hour in range(24)]
    said = cp_to_mapping(day_and_night_cp(hours, table, 8))
    assert said == {
        "Ld-Data": "60.0", "Ln-Data": "50.0", "Leq-DayData": "60.0", "Leq-NightData": "50.0", "Ldn-Data": "60.0",
    }  # fmt: skip
    assert cp_to_mapping(day_and_night_cp([noise(21, 70), noise(21, 60)], table, 8)) == {
        "Ld-Data": "67.4", "Leq-DayData": "67.4",
    }  # fmt: skip
    assert day_and_night_cp([], table, 8) == ()
