"""What runtimes say when they fail, made fit to read."""

_SHORT_OF_MEMORY = ('bad_alloc', 'failed to allocate', 'out of memory', 'cannot allocate')


def in_words(error: BaseException | str) -> str:
    """Give an error on one line; one of memory says so first, whatever the runtime calls it."""
    text = ' '.join(str(error).split()) or type(error).__name__
    short = isinstance(error, MemoryError) or any(word in text.lower() for word in _SHORT_OF_MEMORY)
    if not short:
        return text
    return f'out of memory, give smaller images or end other programs ({text})'
