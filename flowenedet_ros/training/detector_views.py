"""Pictures for fitting a detector: road frames, outliers pasted in, and what is true of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.classes import KNOWN, OUTLIER, VOID
from flowenedet_ros.data.composites import OutlierPaster
from flowenedet_ros.data.repaint import Repainter
from flowenedet_ros.detector.loss import CORRECT, INLIER, OUTLYING, WRONG
from flowenedet_ros.training.segmentation_views import Samples

_LEAST_WINDOW, _LEAST_OF_SMALL = 0.5, 0.8


@dataclass(frozen=True)
class FrameSource:
    """Frames of one camera.

    :param merge: table of 256 ids that takes predictions to what the labels can say.
    :param labelled: whether the labels are to be read; without, every pixel that nothing was
        pasted on is an inlier.
    :param repeats: views of each frame.
    """

    samples: Samples
    merge: NDArray[np.uint8]
    labelled: bool = True
    repeats: int = 1


@dataclass(frozen=True)
class DetectorView:
    """One picture at the network's input size, uint8 BGR, and its labels."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]


class DetectorViews:
    """A fixed list of augmented views; a view depends on the seed and its place alone.

    Frames smaller than the network's input are repainted, pasted on and recorded at their own size
    and enlarged last, so that what is pasted is no sharper than its surroundings.

    :param size: (height, width) the network sees; frames are stretched to it as at run time.
    :param paster: puts outliers into five views of six; None pastes nothing.
    :param repainter: gives known things other looks, and lets the camera take half of the views
        after the pasting; None leaves both.
    :param augment: cut windows, mirror and recolour; without, the frames stay as they are.
    """

    def __init__(
        self,
        sources: Sequence[FrameSource],
        size: tuple[int, int],
        paster: OutlierPaster | None,
        *,
        seed: int,
        augment: bool = True,
        repainter: Repainter | None = None,
    ) -> None:
        self.size, self.paster, self.seed, self.augment = size, paster, seed, augment
        self._repainter = repainter
        self._places = [
            (source, index, repeat)
            for source in sources
            for repeat in range(source.repeats)
            for index in range(len(source.samples))
        ]

    def __len__(self) -> int:
        return len(self._places)

    def source(self, number: int) -> FrameSource:
        """Give the source that a view's frame is from."""
        return self._places[number][0]

    def __getitem__(self, number: int) -> DetectorView:
        source, index, repeat = self._places[number]
        rng = np.random.default_rng((self.seed, number))
        sample = source.samples[index]
        image, labels = sample.image, sample.labels
        if not source.labelled:
            labels = np.full(image.shape[:2], VOID, np.uint8)
        if self.augment and (repeat or rng.random() < 0.5):
            image, labels = _window(image, labels, rng, self.size)
        height, width = np.minimum(labels.shape, self.size).tolist()
        image, labels = _resize(image, labels, (height, width))
        late = False
        if self.augment:
            if rng.random() < 0.5:
                image, labels = image[:, ::-1], labels[:, ::-1]
            image, labels = np.ascontiguousarray(image), np.ascontiguousarray(labels)
            if self._repainter is not None:
                image = self._repainter(rng, image, labels)
                # A camera that takes the pasted things too blurs the traces of pasting.
                late = rng.random() < 0.5
            if not late:
                image = _camera(image, rng)
        if self.paster is not None and rng.random() < 5 / 6:
            image, labels = self.paster(rng, image, labels)
        if late:
            image = _camera(image, rng)
        image, labels = _resize(image, labels, self.size)
        return DetectorView(image, labels)


def targets(
    labels: NDArray[np.uint8], predictions: NDArray[np.uint8], source: FrameSource
) -> NDArray[np.uint8]:
    """Say for each pixel whether the prediction is right, wrong or about an unknown thing.

    :param labels: uint8 (h, w), ids in the labels' convention, `KNOWN`, `OUTLIER` or void.
    :param predictions: uint8 (h, w), the segmenter's class ids.
    :returns: uint8 (h, w): `CORRECT`, `WRONG`, `OUTLYING`, `INLIER`, or void.
    """
    wrong = source.merge[predictions] != labels
    target = np.where(wrong, WRONG, CORRECT).astype(np.uint8)
    target[labels == VOID] = VOID if source.labelled else INLIER
    target[labels == KNOWN] = INLIER
    target[labels == OUTLIER] = OUTLYING
    return target


def _window(
    image: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    rng: np.random.Generator,
    size: tuple[int, int],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut a window of 50 to 100 % of the frame's sides.

    It is at least as large as the network's input or as 80 % of the frame, whichever is smaller.
    """
    height, width = labels.shape
    whole = max(size[0] / height, size[1] / width)
    share = rng.uniform(min(max(whole, _LEAST_WINDOW), _LEAST_OF_SMALL), 1.0)
    rows, columns = max(8, int(height * share)), max(8, int(width * share))
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    inside = slice(top, top + rows), slice(left, left + columns)
    return image[inside], labels[inside]


def _resize(
    image: NDArray[np.uint8], labels: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Stretch to the network's size exactly as the fused graph does."""
    shape = size[1], size[0]
    stretched = cv2.resize(image, shape, interpolation=cv2.INTER_LINEAR)
    marks = cv2.resize(labels, shape, interpolation=cv2.INTER_NEAREST_EXACT)
    return stretched.astype(np.uint8), marks.astype(np.uint8)


def _camera(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Take the frame with another camera: gain, gamma, white balance, blur, noise, compression."""
    x = image.astype(np.float32) / 255
    x = x ** np.float32(np.exp(rng.normal(0, 0.18)))
    x *= np.float32(np.exp(rng.normal(0, 0.12)))
    x *= np.exp(rng.normal(0, 0.04, 3)).astype(np.float32)
    if rng.random() < 0.2:
        x = np.asarray(cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.0)), np.float32)
    if rng.random() < 0.3:
        x = x + rng.standard_normal(x.shape, np.float32) * np.float32(rng.uniform(0.004, 0.02))
    result = np.clip(x * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(55, 97))]
        _, data = cv2.imencode('.jpg', result, quality)
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return result
