"""What a bundle says of labelled images, kept small enough for thousands of them."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray

from flowenedet_ros.calibration.errors import CalibrationError
from flowenedet_ros.data.classes import OUTLIER
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.inference.backends.base import RuntimeOptions
from flowenedet_ros.inference.backends.onnxruntime import open_session
from flowenedet_ros.inference.bundle import open_bundle
from flowenedet_ros.inference.manifest import Manifest
from flowenedet_ros.inference.marks import with_outputs

_OUTPUTS = ('labels', 'idm_raw', 'ood_raw')


@dataclass(frozen=True)
class Frame:
    """One labelled image as the model sees it.

    :param idm_raw: float32 (h, w) log-odds at the logit stride, before calibration, as `ood_raw`.
    :param known: packed (H, W) pixels that carry a class, at the network's input size; `correct`
        those of them that are classified rightly, `outlier` those of unknown objects.
    """

    name: str
    idm_raw: NDArray[np.float32]
    ood_raw: NDArray[np.float32]
    known: NDArray[np.uint8]
    correct: NDArray[np.uint8]
    outlier: NDArray[np.uint8]
    size: tuple[int, int]

    def mask(self, kind: str) -> NDArray[np.bool_]:
        """Unpack 'known', 'correct' or 'outlier' as (H, W)."""
        height, width = self.size
        bits = np.unpackbits(getattr(self, kind), count=height * width)
        return bits.reshape(height, width).astype(bool)

    def small_mask(self, kind: str) -> NDArray[np.bool_]:
        """Give a mask at the logit stride, the pixel in the middle of each cell."""
        full = self.mask(kind)
        height, width = self.idm_raw.shape
        rows = ((np.arange(height) + 0.5) * full.shape[0] / height).astype(int)
        columns = ((np.arange(width) + 0.5) * full.shape[1] / width).astype(int)
        return full[np.ix_(rows, columns)]


class RawModel:
    """The fp32 graph of a bundle with the log-odds read before calibration.

    :raises BundleError: when the folder is not whole or its graph names no log-odds.
    :raises BackendError: when ONNX Runtime is missing or refuses the graph.
    """

    def __init__(self, folder: Path) -> None:
        self.manifest: Manifest = open_bundle(folder)
        graph = with_outputs(onnx.load(str(folder / 'model.onnx')), _OUTPUTS[1:])
        self._session = open_session(graph.SerializeToString(), 'onnxruntime', RuntimeOptions())

    def frame(self, sample: Sample, outlier_label: int) -> Frame:
        """Run one labelled image.

        :raises CalibrationError: when the log-odds are not finite.
        """
        image = sample.image
        if self.manifest.input.channel_order == 'rgb':
            image = image[..., ::-1]
        half = np.array([0.5], np.float32)
        feeds = {
            'image': np.ascontiguousarray(image)[None],
            'idm_threshold': half,
            'ood_threshold': half,
        }
        predicted, idm, ood = (out[0] for out in self._session.run(list(_OUTPUTS), feeds))
        if not (np.isfinite(idm).all() and np.isfinite(ood).all()):
            raise CalibrationError(f'{sample.name}: the model gives scores that are not finite')
        height, width = predicted.shape
        labels = cv2.resize(sample.labels, (width, height), interpolation=cv2.INTER_NEAREST)
        outlier = labels == outlier_label
        known = (labels < len(self.manifest.classes)) & ~outlier
        return Frame(
            sample.name,
            idm,
            ood,
            np.packbits(known),
            np.packbits(known & (labels == predicted)),
            np.packbits(outlier),
            (height, width),
        )

    def enlarge(self, score: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring a score map to the size of the masks as the graph does."""
        size = self.manifest.input.width, self.manifest.input.height
        how = cv2.INTER_LINEAR if self.manifest.output.mode == 'mid' else cv2.INTER_NEAREST
        large: NDArray[np.float32] = np.asarray(cv2.resize(score, size, interpolation=how))
        return large


def known_frames(model: RawModel, samples: Iterable[Sample]) -> Iterator[Frame]:
    """Run road images with class ids; 254 marks outliers, 255 nothing."""
    return (model.frame(sample, OUTLIER) for sample in samples)


def outlier_frames(model: RawModel, samples: Iterable[Sample]) -> Iterator[Frame]:
    """Run images labelled 0 (in distribution), 1 (outlier) and 255 (ignored)."""
    return (model.frame(sample, 1) for sample in samples)


def sequence_of(name: str) -> str:
    """Give the drive that an image comes from: its name without the number at the end."""
    return re.sub(r'[_\-.]*[a-z]?\d+$', '', name) or name


class Fingerprint:
    """A hash of the images and labels that pass by."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def watch(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Pass samples on."""
        for sample in samples:
            self._hash.update(sample.image.tobytes())
            self._hash.update(sample.labels.tobytes())
            yield sample

    def __str__(self) -> str:
        return self._hash.hexdigest()[:16]
