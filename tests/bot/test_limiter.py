from bot.limiter import Limiter


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def send_all(limiter: Limiter, first_chat: int) -> int:
    sent = 0
    while limiter.room():
        limiter.count(first_chat + sent)
        sent += 1
    return sent


def test_never_more_than_the_rate_in_any_sliding_second() -> None:
    clock = Clock()
    limiter = Limiter(25, 1.0, clock)
    times: list[float] = []
    for _ in range(400):
        times += [clock.now] * send_all(limiter, len(times))
        clock.now += 0.013
    assert len(times) > 100
    assert all(sum(start <= t < start + 1 for t in times) <= 25 for start in times)


def test_a_chat_waits_its_second() -> None:
    clock = Clock()
    limiter = Limiter(25, 1.0, clock)
    limiter.count(5)
    clock.now += 0.99
    assert limiter.waiting_chats() == [5]
    clock.now += 0.02
    assert limiter.waiting_chats() == []


def test_nothing_goes_out_inside_a_freeze_and_a_ramp_follows() -> None:
    clock = Clock()
    limiter = Limiter(25, 1.0, clock)
    limiter.freeze(7)
    clock.now += 6.99
    assert limiter.room() == 0
    clock.now += 0.02
    first = limiter.room()
    assert 0 < first <= 25 // 4
    clock.now += 20
    assert limiter.room() == 25
