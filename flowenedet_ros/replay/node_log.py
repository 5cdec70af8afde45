"""What a node complained about, from the log it left."""

import re
from collections import Counter
from pathlib import Path

COMPLAINT = re.compile(r'^\[(?:WARN|ERROR|FATAL)\] \[[\d.]+\] \[[^]]*\]: (.*)$')
MOST = 5


def complaints(log: Path) -> list[str]:
    """Give the first different warnings and errors, each with how often it came."""
    lines = log.read_text(encoding='utf-8', errors='replace').splitlines()
    found = Counter(match[1] for line in lines if (match := COMPLAINT.match(line)))
    return [f'{text} ({count} times)' for text, count in list(found.items())[:MOST]]
