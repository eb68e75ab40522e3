"""When people of the shop work: several ranges a day, holidays of both calendars, single days; and counting in it.

Ranges are wall-clock times of the shop's timezone, turned into moments edge by edge, so that a day on which clocks are
put forward counts right as well.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crm import clock, lunar
from crm.errors import SettingsProblem
from crm.models.people import CalendarKind

LAST = 99  # the last day of a month, whichever it is
_DAY = timedelta(days=1)
_LONGEST_BREAK = 400  # days without an open hour after which the calendar is taken for a mistake
Range = tuple[int, int]  # minutes after midnight, the second not before the first
YearDay = tuple[int, int]  # month and day; day LAST is the month's last, and 30 in a month of 29 days is it too


@dataclass(frozen=True)
class Holiday:
    """The days from `first` to `last` of every year, over New Year as well; `ranges` is empty where nobody works."""

    name: str
    calendar: CalendarKind
    first: YearDay
    last: YearDay
    ranges: tuple[Range, ...]

    def holds(self, solar: date, lunar_day: lunar.LunarDate) -> bool:
        """Whether the day, given in both calendars, is one of its days. A leap month has no holidays."""
        here: date | lunar.LunarDate = solar if self.calendar is CalendarKind.SOLAR else lunar_day
        if isinstance(here, lunar.LunarDate) and here.leap:
            return False
        ends = (here.month, LAST) if _ends_month(self.calendar, solar) else (here.month, here.day)
        begun, over = ends >= self.first, (here.month, here.day) > self.last
        return begun and not over if self.first <= self.last else begun or not over


@dataclass(frozen=True)
class BusinessCalendar:
    """`week` maps a weekday (Monday 0) to its ranges; `days` are single dates and go before `holidays`."""

    zone: ZoneInfo
    week: Mapping[int, tuple[Range, ...]]
    holidays: tuple[Holiday, ...] = ()
    days: Mapping[date, tuple[Range, ...]] = field(default_factory=dict)
    _known: dict[date, tuple[tuple[datetime, datetime], ...]] = field(default_factory=dict, compare=False)

    def ranges(self, day: date) -> tuple[Range, ...]:
        """The ranges in which people work on the local date `day`, in order."""
        if day in self.days:
            return self.days[day]
        lunar_day = lunar.to_lunar(day)
        kept = (holiday.ranges for holiday in self.holidays if holiday.holds(day, lunar_day))
        return next(kept, self.week.get(day.weekday(), ()))

    def is_open(self, moment: datetime) -> bool:
        """Whether people work at `moment`; the end of a range is no work any more."""
        return any(opens <= moment < closes for opens, closes in self._on(self._local(moment)))

    def next_open(self, moment: datetime) -> datetime:
        """`moment` (UTC) if people work then, else when they begin next. Raises SettingsProblem: they never do."""
        for opens, closes in self._after(moment):
            if closes > moment:
                return max(opens, moment.astimezone(UTC))
        raise AssertionError("the ranges never end without an error")

    def due(self, start: datetime, working: timedelta) -> datetime:
        """The first moment (UTC) by which `working` has been worked since `start`.

        So two hours from 10:00 end at 12:00 sharp, not after lunch; nothing at all ends at `start` itself. Raises
        SettingsProblem when the calendar has no open hour for more than a year.
        """
        left, at = working, start.astimezone(UTC)
        if left <= timedelta(0):
            return at
        for opens, closes in self._after(start):
            begin = max(opens, at)
            if closes - begin >= left:
                return begin + left
            left -= max(closes - begin, timedelta(0))
        raise AssertionError("the ranges never end without an error")

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """Working time between two moments; negative when `end` lies before `start`."""
        if end < start:
            return -self.worked(end, start)
        total, day, last = timedelta(0), self._local(start), self._local(end)
        while day <= last:
            for opens, closes in self._on(day):
                total += max(min(closes, end) - max(opens, start), timedelta(0))
            day += _DAY
        return total

    def _after(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        day, shut = self._local(moment), 0
        while shut < _LONGEST_BREAK:
            here = self._on(day)
            shut = 0 if here else shut + 1
            yield from here
            day += _DAY
        raise SettingsProblem(f"shop.yml: calendar has no open hour for {_LONGEST_BREAK} days after {moment:%Y-%m-%d}")

    def _on(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        if day not in self._known:
            found = self.ranges(day)
            self._known[day] = tuple((self._moment(day, a), self._moment(day, b)) for a, b in found)
        return self._known[day]

    def _moment(self, day: date, minutes: int) -> datetime:
        days, minutes = divmod(minutes, 24 * 60)
        wall = datetime.combine(day + days * _DAY, time(minutes // 60, minutes % 60), self.zone)
        return wall.astimezone(UTC)

    def _local(self, moment: datetime) -> date:
        return clock.local(moment, self.zone).date()


def _ends_month(kind: CalendarKind, day: date) -> bool:
    tomorrow = day + _DAY
    if kind is CalendarKind.SOLAR:
        return tomorrow.month != day.month
    return lunar.to_lunar(tomorrow).day == 1
