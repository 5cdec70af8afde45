"""The process beside the node: camera and subscriber. A request in, figures out, both JSON."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from flowenedet_ros.inference.errors import FlowEneDetError
from flowenedet_ros.replay.benchmark.node_figures import node_figures
from flowenedet_ros.replay.benchmark.request import NodeRequest

_SECONDS_TO_END = 5.0


def end_with_input() -> None:
    """Raise KeyboardInterrupt in the main thread when whoever holds our input is gone.

    Again after longer than an end takes: one that falls into a callback of a library is lost.
    """
    os.read(sys.stdin.fileno(), 1)
    while True:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(_SECONDS_TO_END)


if __name__ == '__main__':
    # A shell may have had it ignored in whatever started us.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=end_with_input, daemon=True).start()
    request, scratch = NodeRequest(**json.loads(sys.argv[1])), Path(sys.argv[2])
    try:
        answer = node_figures(request, scratch)
    except FlowEneDetError as error:
        answer = {'error': str(error)}
    (scratch / 'node.json').write_text(json.dumps(answer), encoding='utf-8')
