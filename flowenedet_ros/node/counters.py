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
    """

    def __init__(self) -> None:
        self.lost = 0
        self._last: int | None = None
        self._publishers = 1
        self._expect_new = False

    def on_publishers(self, count: int, change: int) -> None:
        """Note how many publishers there are now; a new one numbers its frames anew."""
        self._publishers = count
        self._expect_new = self._expect_new or change > 0

    def on_frame(self, number: int | None) -> None:
        """Note the publisher's sequence number of a received frame."""
        if number is None:
            return
        if self._publishers > 1:
            self._last = None
            return
        last, self._last = self._last, number
        # A restarted camera begins at 1 again; what it sent before it found us is not lost to us.
        if last is None or number <= last or (self._expect_new and number != last + 1):
            self._expect_new = False
            return
        self._expect_new = False
        self.lost += number - last - 1

    def on_lost_event(self, change: int) -> None:
        """Note frames that DDS itself reports as lost."""
        if self._publishers > 1:
            self.lost += change
