"""Cityscapes-C: the common corruptions at five severities on any labelled pictures, repeatable.

The corruptions are those of Hendrycks and Dietterich (ICLR 2019), as `imagecorruptions` has them.
"""

import hashlib
import importlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import DataError
from .folder import PairedImages, Sample
from .images import read_image

Image = NDArray[np.uint8]

STANDARD_CORRUPTIONS = (
    *('gaussian_noise', 'shot_noise', 'impulse_noise'),
    *('defocus_blur', 'glass_blur', 'motion_blur', 'zoom_blur'),
    *('snow', 'frost', 'fog', 'brightness'),
    *('contrast', 'elastic_transform', 'pixelate', 'jpeg_compression'),
)
"""The fifteen of ImageNet-C and Cityscapes-C."""

PAPER_CORRUPTIONS = (
    *('motion_blur', 'defocus_blur', 'gaussian_blur'),
    *('gaussian_noise', 'impulse_noise', 'shot_noise', 'speckle_noise'),
    *('brightness', 'contrast', 'saturate', 'jpeg_compression'),
    *('snow', 'spatter', 'fog', 'frost'),
)
"""The fifteen that FlowEneDet was evaluated on."""

PAPER_SEVERITIES = (1, 2, 3, 4)
SEVERITIES = (1, 2, 3, 4, 5)
SMALLEST = 32
"""Smallest side of a picture that can be corrupted, pixels."""

# These draw from generators of their own, which NumPy's global seed does not reach: skimage makes
# a new Generator for salt and pepper, and Numba keeps a state apart for compiled code.
_SEEDED_BY_ARGUMENT = frozenset({'impulse_noise', 'glass_blur'})
_KNOWN = frozenset((*STANDARD_CORRUPTIONS, *PAPER_CORRUPTIONS))

# The others draw from NumPy's global generator, of which a process has only one.
_GLOBAL_GENERATOR = threading.Lock()


def corrupt(image_bgr: Image, corruption: str, severity: int, name: str) -> Image:
    """Corrupt a picture; the same name, corruption and severity always give the same bytes.

    :param image_bgr: uint8 (H, W, 3), at least 32 pixels high and wide.
    :param severity: 1 to 5.
    :param name: of the picture; decides the random draws.
    :raises DataError: where corruption, severity or picture are none, or the library is missing.
    """
    _check(corruption, severity)
    if image_bgr.dtype != np.uint8 or image_bgr.ndim != 3 or min(image_bgr.shape[:2]) < SMALLEST:
        raise DataError(
            f'{name}: expected a uint8 picture of at least {SMALLEST}x{SMALLEST}x3 to corrupt, '
            f'found {image_bgr.dtype} {image_bgr.shape}'
        )
    library = _library()
    digest = hashlib.blake2b(f'{name}/{corruption}/{severity}'.encode(), digest_size=4).digest()
    seed = int.from_bytes(digest, 'little')
    own = {'seed': seed} if corruption in _SEEDED_BY_ARGUMENT else {}
    rgb = np.ascontiguousarray(image_bgr[..., ::-1])
    with _GLOBAL_GENERATOR:
        before = np.random.get_state()  # noqa: NPY002  # the library knows no other generator
        np.random.seed(seed)  # noqa: NPY002
        try:
            corrupted = library.corrupt(rgb, severity, corruption, **own)
        finally:
            np.random.set_state(before)  # noqa: NPY002
    return np.ascontiguousarray(corrupted[..., ::-1], np.uint8)


def _check(corruption: str, severity: int) -> None:
    if corruption not in _KNOWN:
        raise DataError(
            f'no corruption is called {corruption!r}; there are: {", ".join(sorted(_KNOWN))}'
        )
    if severity not in SEVERITIES:
        raise DataError(f'the severity of a corruption is 1 to 5, found {severity!r}')


def _library() -> Any:
    try:
        return importlib.import_module('imagecorruptions')
    except ImportError as error:
        raise DataError(
            f'corruptions need the package imagecorruptions-imaug, which does not import '
            f'({error}); `make setup-test` installs it'
        ) from None


class CorruptedImages:
    """Labelled pictures under one corruption; labels stay as they are.

    :param samples: the clean ones.
    :param cache: folder in which corrupted pictures are kept, losslessly; None: made every time.
        A picture that changes under its name is corrupted anew.
    :raises DataError: where corruption or severity are none.
    """

    def __init__(
        self, samples: PairedImages, corruption: str, severity: int, cache: Path | None = None
    ) -> None:
        _check(corruption, severity)
        self._samples = samples
        self.corruption = corruption
        self.severity = severity
        self._cache = None if cache is None else cache / corruption / str(severity)

    @property
    def names(self) -> list[str]:
        """Names of all pictures in order."""
        return self._samples.names

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        """Read one pair and corrupt its picture.

        :raises DataError: where a file is damaged; it names the file.
        """
        clean = self._samples[index]
        return Sample(self._corrupted(clean), clean.labels, clean.name)

    def _corrupted(self, clean: Sample) -> Image:
        if self._cache is None:
            return corrupt(clean.image, self.corruption, self.severity, clean.name)
        content = hashlib.blake2b(clean.image.tobytes(), digest_size=8).hexdigest()
        path = self._cache / f'{clean.name}-{content}.png'
        if path.exists():
            try:
                return read_image(path)
            except DataError:
                # A file that was cut short, say by a full disk, is as good as none.
                path.unlink(missing_ok=True)
        image = corrupt(clean.image, self.corruption, self.severity, clean.name)
        _store(path, image)
        return image


def _store(path: Path, image: Image) -> None:
    """Write a picture so that other processes see all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    unfinished = path.with_name(f'.{path.name}.{os.getpid()}')
    unfinished.write_bytes(data.tobytes())
    unfinished.replace(path)
