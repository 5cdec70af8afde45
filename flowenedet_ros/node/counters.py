"""What became of every camera frame; nothing goes missing unseen."""

import threading
from collections import Counter
from collections.abc import Mapping

# Each fate of a received frame, with the total that it belongs to.
FATES: Mapping[str, str] = {
    'processed': 'processed',
    'dropped_superseded': 'dropped',  # a newer frame came before the worker was free
    'dropped_stale': 'dropped',  # older than max_image_age
    'dropped_inactive': 'dropped',  # waiting when the node was deactivated
    'rejected_malformed': 'rejected',  # the message is no image
    'rejected_failed': 'rejected',  # the backend failed, or its result was not finite
}
TOTALS = ('processed', 'dropped', 'rejected')


class FrameCounters:
    """
    Count frames so that processed + dropped + rejected + pending = received at every moment.

    Safe to use from the executor's and the worker's thread at once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def receive(self) -> None:
        """Count a frame that arrived; it is pending until `settle` gives its fate."""
        with self._lock:
            self._counts['received'] += 1

    def settle(self, fate: str, frames: int = 1) -> None:
        """Count what became of received frames; `fate` is a key of FATES."""
        with self._lock:
            self._counts[fate] += frames
            self._counts[FATES[fate]] += 0 if FATES[fate] == fate else frames

    def snapshot(self) -> dict[str, int]:
        """Give all counters at one moment, with `pending` for frames not yet settled."""
        with self._lock:
            counts = dict(self._counts)
        snapshot = {name: counts.get(name, 0) for name in ('received', *TOTALS, *FATES)}
        snapshot['pending'] = snapshot['received'] - sum(snapshot[name] for name in TOTALS)
        return snapshot


class LossCounter:
    """
    Count frames that a camera sent and that never reached a callback.

    With one publisher the gaps in its sequence numbers tell exactly. They also show frames that
    a newer one replaced in the depth-1 queue of DDS, which its `message_lost` event does not
    report. With several publishers on the topic the numbers mix, and the event has to do.

    :param since: source time, in ns, from which on sent frames count.
    """

    def __init__(self, since: int) -> None:
        self.lost = 0
        self.publishers = 0
        self._since = since
        self._last: tuple[int, int] | None = None
        self._first: tuple[int, int] | None = None
        self._expect_new = False

    def on_publishers(self, count: int, change: int) -> None:
        """Note how many publishers there are now; a new one numbers its frames anew."""
        self.publishers = count
        self._expect_new = self._expect_new or change > 0

    def on_frame(self, number: int | None, sent: int) -> None:
        """
        Note a received frame.

        :param number: the publisher's sequence number, from 1; None where DDS gives none.
        :param sent: source time in ns.
        """
        if number is None:
            return
        if self.publishers > 1:
            self._last = self._first = None
            return
        last, self._last = self._last, (number, sent)
        # A restarted camera begins at 1 again.
        renewed = last is None or number <= last[0] or (self._expect_new and number > last[0] + 1)
        self._expect_new = False
        if renewed or last is None:
            self._since = self._since if last is None else last[1]
            self._first = (number, sent)
            return
        self.lost += number - last[0] - 1
        if self._first is not None:
            self._count_before(self._first, (number, sent))
            self._first = None

    def on_lost_event(self, change: int) -> None:
        """Note frames that DDS itself reports as lost."""
        if self.publishers > 1:
            self.lost += change

    def _count_before(self, first: tuple[int, int], second: tuple[int, int]) -> None:
        """Count what a publisher sent before its first received frame, if we were there already."""
        period = (second[1] - first[1]) / (second[0] - first[0])
        began = first[1] - (first[0] - 1) * period
        if began >= self._since:
            self.lost += first[0] - 1
