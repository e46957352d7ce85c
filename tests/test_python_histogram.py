"""Histograms in Python: against a list of all values, and against an implementation of HdrHistogram."""

import copy
import json
import math
import pickle
import random
import statistics
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from ws2echo import Histogram, _hdr

HIGHEST = 134_217_727
PERCENTILES = (0.0, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0)


def some_values(count: int, seed: int = 1) -> list[int]:
    """Of every order of magnitude, so that every width of places is met."""
    chance = random.Random(seed)
    return [int(10 ** chance.uniform(0, 8)) for _ in range(count)]


def of_rank(ordered: list[int], percent: float) -> int:
    exact = Fraction(str(percent)) * len(ordered) / 100  # in floating point, 99.9% of 1000 are more than 999
    return ordered[max(0, math.ceil(exact) - 1)]


@pytest.mark.parametrize("count", [1, 2, 10, 1000, 20_000])
def test_it_tells_what_a_sorted_list_tells(count: int) -> None:
    values = some_values(count, count)
    ordered = sorted(values)
    histogram = Histogram(values)
    exact = (histogram.count, histogram.min_us, histogram.max_us, histogram.sum_us)
    assert exact == (count, ordered[0], ordered[-1], sum(values))
    assert histogram.mean_us == pytest.approx(statistics.fmean(values))
    assert histogram.deviation_us == pytest.approx(statistics.pstdev(values), rel=1 / 64)
    for percent in PERCENTILES:
        wanted = of_rank(ordered, percent)
        assert wanted <= histogram.percentile(percent) <= max(wanted + 1, wanted * (1 + 1 / 128)), percent
    assert histogram.percentile(0) == ordered[0]
    assert histogram.percentile(100) == ordered[-1]


def test_the_places_are_those_of_the_values() -> None:
    values = some_values(5000)
    places = list(Histogram(values))
    assert sum(count for _, _, count in places) == 5000
    for lowest, highest, count in places:
        assert count == sum(lowest <= value <= highest for value in values)
        assert highest - lowest <= max(0, lowest / 128)
    assert [one[0] for one in places] == sorted(one[0] for one in places)


def test_an_empty_one() -> None:
    empty = Histogram()
    assert (empty.count, empty.min_us, empty.max_us, empty.sum_us) == (0, 0, 0, 0)
    assert (empty.mean_us, empty.deviation_us, empty.percentile(99)) == (0, 0, 0)
    assert list(empty) == []
    assert repr(empty) == "<ws2echo.Histogram, empty>"
    assert empty + empty == empty == Histogram.from_hdr(empty.to_hdr())


def test_what_is_above_the_last_place_counts_in_it() -> None:
    histogram = Histogram([HIGHEST + 1, 1 << 40])
    assert (histogram.count, histogram.max_us) == (2, 1 << 40)
    assert [count for _, _, count in histogram] == [2]
    assert next(iter(histogram))[1] == HIGHEST


def test_added_up_they_have_everything() -> None:
    a, b = some_values(3000, 1), some_values(2000, 2)
    both = Histogram(a) + Histogram(b)
    assert both == Histogram(a + b) == sum([Histogram(b)], Histogram(a))
    merged = Histogram(a)
    merged.merge(Histogram(b))
    assert merged == both
    merged.merge(merged)
    assert (merged.count, merged.sum_us) == (10_000, 2 * sum(a + b))


def test_since_takes_away() -> None:
    before, after = some_values(1000, 1), some_values(500, 2)
    earlier = Histogram(before)
    later = earlier + Histogram(after)
    difference = later.since(earlier)
    assert list(difference) == list(Histogram(after))
    assert (difference.count, difference.sum_us) == (500, sum(after))
    assert difference.min_us == pytest.approx(min(after), rel=1 / 100, abs=1)
    assert difference.max_us == pytest.approx(max(after), rel=1 / 100, abs=1)
    assert later.since(later) == Histogram()
    assert later.since(Histogram()).count == 1500
    with pytest.raises(ValueError, match="less than"):
        earlier.since(later)


def test_counts_of_many() -> None:
    histogram = Histogram()
    histogram.record(100, 1 << 40)
    histogram.record(200)
    histogram.record(300, 0)
    assert (histogram.count, histogram.percentile(99), histogram.max_us) == ((1 << 40) + 1, 100, 200)


@pytest.mark.parametrize(("value", "count"), [(-1, 1), (1 << 64, 1), (1, -1), (1, 1 << 64)])
def test_numbers_that_cannot_be(value: int, count: int) -> None:
    with pytest.raises(ValueError, match=r"value_us|count"):
        Histogram().record(value, count)


@pytest.mark.parametrize("percent", [-0.001, 100.001, math.nan])
def test_percentiles_that_cannot_be(percent: float) -> None:
    with pytest.raises(OSError, match="WSAEINVAL"):
        Histogram([1]).percentile(percent)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_it_is_a_value(duplicate: Any) -> None:
    histogram = Histogram(some_values(100))
    other = duplicate(histogram)
    assert other == histogram
    other.record(7)
    assert other != histogram
    assert histogram != 5
    with pytest.raises(TypeError):
        hash(histogram)
    with pytest.raises(TypeError):
        histogram + 5  # type: ignore[operator]


def test_there_and_back_by_json() -> None:
    histogram = Histogram(some_values(1000))
    values = json.loads(json.dumps(histogram.to_dict()))
    assert Histogram.from_dict(values) == histogram
    assert values["percentiles_us"]["99.9"] == histogram.percentile(99.9)
    with pytest.raises(ValueError, match="has 1000"):
        Histogram.from_dict({**values, "count": 999})
    for wrong in ({}, {**values, "hdr": 5}, {**values, "max_us": -1}, {**values, "sum_us": "1"}, 5):
        with pytest.raises(ValueError, match=r"not a histogram|less than 0"):
            Histogram.from_dict(wrong)  # type: ignore[arg-type]


def test_what_the_encoding_has_no_room_for_is_refused() -> None:
    histogram = Histogram()
    histogram.record(5, (1 << 63) - 1)
    assert Histogram.from_hdr(histogram.to_hdr()).count == (1 << 63) - 1
    histogram.record(5)
    with pytest.raises(ValueError, match="more than an HdrHistogram holds"):
        histogram.to_hdr()


# ---- HdrHistogram's own formats


def reference(values: list[int]) -> Any:
    other = HdrHistogram(1, 100_000_000, 2)
    for value in values:
        other.record_value(value)
    return other


def same_places(histogram: Histogram, other: Any) -> bool:
    return list(histogram._raw.counts) == [int(other.counts[place]) for place in range(other.counts_len)]


@pytest.mark.parametrize("values", [[], [1], [0, 1, 2], [HIGHEST], [5] * 300, some_values(10_000)], ids=len)
def test_others_read_what_we_write(values: list[int]) -> None:
    histogram = Histogram(values)
    other = HdrHistogram.decode(histogram.to_hdr())
    assert other.get_total_count() == len(values)
    assert same_places(histogram, other)
    for percent in PERCENTILES[1:] if values else ():
        theirs = other.get_value_at_percentile(percent)
        assert min(theirs, histogram.max_us) == histogram.percentile(percent), percent


@pytest.mark.parametrize("values", [[1], [0, 1, 2], [5] * 300, some_values(10_000)], ids=len)
def test_we_read_what_others_write(values: list[int]) -> None:
    other = reference(values)
    histogram = Histogram.from_hdr(other.encode().decode())
    assert list(histogram) == list(Histogram(values))
    assert same_places(histogram, other)
    assert histogram.min_us <= min(values) <= max(values) <= histogram.max_us
    assert histogram.mean_us == pytest.approx(other.get_mean_value(), rel=1e-9)


def test_numbers_of_every_length() -> None:
    counts = [0, 1, 0, 0, 63, 64, 8191, 8192] + [1 << shift for shift in range(63)] + [0, (1 << 63) - 1]
    assert _hdr.decode(_hdr.encode(counts), len(counts)) == counts
    assert _hdr.decode(_hdr.encode(counts), 100) == counts + [0] * (100 - len(counts))
    with pytest.raises(ValueError, match="too many"):
        _hdr.decode(_hdr.encode(counts), len(counts) - 1)
    with pytest.raises(ValueError, match="too many"):
        _hdr.decode(_hdr.encode([0, 0, 0, 1]), 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "HISTF",
        "x" * 40,
        "AAAAAAAAAAAAAAAAAAAA",
        Histogram([1, 2, 300]).to_hdr()[:-8],
        HdrHistogram(1, 3_600_000, 3).encode().decode(),
    ],
)
def test_what_is_no_histogram_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (base64 and zlib have words of their own)
        Histogram.from_hdr(text)


def test_the_log_is_read_by_others(tmp_path: Path) -> None:
    values = some_values(1000)
    histogram = Histogram(values)
    file = tmp_path / "load.hlog"
    histogram.write_hdr_log(file, started=1_700_000_000.25, length=12.5, tag="run")
    assert file.read_text("utf-8") == histogram.to_hdr_log(started=1_700_000_000.25, length=12.5, tag="run")
    assert b"\r" not in file.read_bytes()
    reader = HistogramLogReader(str(file), HdrHistogram(1, 100_000_000, 2))
    try:
        read = reader.get_next_interval_histogram()
        assert read.get_total_count() == 1000
        assert same_places(histogram, read)
        assert read.get_start_time_stamp() == 1_700_000_000_250
        assert read.get_end_time_stamp() == 1_700_000_012_750
        assert read.get_tag() == "run"
        assert reader.get_start_time_sec() == 1_700_000_000.25
        assert reader.get_next_interval_histogram() is None
    finally:
        reader.close()
    assert f"{histogram.max_us / 1000:.3f}," in file.read_text("utf-8").splitlines()[-1]


@pytest.mark.parametrize("tag", ["a,b", "a b", "a\nb", " "])
def test_tags_that_a_log_cannot_have(tag: str) -> None:
    with pytest.raises(ValueError, match="tag"):
        Histogram().to_hdr_log(tag=tag)
