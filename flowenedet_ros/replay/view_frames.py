"""All frames of a recorded result one after the other, in the memory of a few."""

from collections.abc import Iterator

from flowenedet_ros.replay.bag_reader import BagMessage, BagReader
from flowenedet_ros.replay.messages import header_stamp_ns
from flowenedet_ros.replay.recorded import RecordedFrame, RecordedResults


class ViewedResults(RecordedResults):
    """Recorded results to be gone through from the first frame to the last."""

    def walk(self) -> Iterator[RecordedFrame]:
        """Yield each frame that has an image and all results, as they were recorded.

        A frame whose camera image is malformed is left out, and one whose stamp was there before.

        :raises ReplayError: the bag is damaged from here on.
        """
        wanted = set(self.stamps)
        begun: dict[int, dict[str, BagMessage]] = {}
        with BagReader(self.path) as bag:
            for message in bag.messages(self._connections(bag)):
                stamp = header_stamp_ns(message.cdr)
                if stamp not in wanted:
                    continue
                parts = begun.setdefault(stamp, {})
                parts[message.topic] = message
                if len(parts) < len(self._parts) + 1:
                    continue
                wanted.remove(stamp)
                frame = self._frame(bag, stamp, begun.pop(stamp))
                if frame is not None:
                    yield frame
