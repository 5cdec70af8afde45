"""Which layers an int8 file keeps in float32, found on the images that it is calibrated on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from flowenedet_ros.export.agreement import correlation
from flowenedet_ros.export.quantize import Images, Quantiser, feed
from flowenedet_ros.inference.self_test import LEAST_AGREEMENT, LEAST_CORRELATION

_PROBED, _JUDGED = 2, 6
# Beyond this share of its layers in float32 a file is no int8 file.
_MOST_KEPT = 0.5
# The bounds of the self-test leave nothing for images that the choice has not seen.
_MARGIN = 0.8


class _Reading(NamedTuple):
    labels: NDArray[np.uint8]
    idm: NDArray[np.float32]
    ood: NDArray[np.float32]


def to_faithful_int8(model: onnx.ModelProto, images: Images) -> onnx.ModelProto:
    """Quantise as much of the segmenter as its labels and scores bear.

    Every layer is quantised alone, on few images, and ordered by the harm that it does to the two
    scores. As few of the most harmful as possible then stay in float32 for the graph to agree with
    the fp32 one, on more images, a little better than a self-test wants it.

    :param images: uint8 (H, W, 3) camera images that show what the activations range over.
    :returns: with half of the layers in float32 where no smaller part suffices.
    :raises ExportError: when there is no image.
    """
    quantiser = Quantiser(model, images)
    layers = set(quantiser.layers)
    judged = spread(images, _JUDGED)
    wanted = _read(model, judged)
    faithful = quantiser.quantise(layers)
    if agrees(wanted, _read(faithful, judged)):
        return faithful
    order = by_harm(quantiser, spread(images, _PROBED))
    too_few, enough = 0, max(1, round(_MOST_KEPT * len(order)))
    faithful = quantiser.quantise(layers - set(order[:enough]))
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        candidate = quantiser.quantise(layers - set(order[:middle]))
        if agrees(wanted, _read(candidate, judged)):
            faithful, enough = candidate, middle
        else:
            too_few = middle
    return faithful


def by_harm(quantiser: Quantiser, images: Images) -> list[str]:
    """Order the layers by what quantising each alone does to the scores, most harmful first."""
    wanted = _read(quantiser.model, images)
    harm = {
        layer: _distance(wanted, _read(quantiser.quantise({layer}), images))
        for layer in quantiser.layers
    }
    return sorted(harm, key=lambda layer: -harm[layer])


def agrees(wanted: Sequence[_Reading], found: Sequence[_Reading]) -> bool:
    """Tell whether labels and scores are near enough."""
    pairs = zip(wanted, found, strict=True)
    labels = float(np.mean([np.mean(a.labels == b.labels) for a, b in pairs]))
    least = 1 - _MARGIN * (1 - LEAST_AGREEMENT), 1 - _MARGIN * (1 - LEAST_CORRELATION)
    return labels >= least[0] and min(_correlations(wanted, found)) >= least[1]


def spread(images: Images, most: int) -> list[NDArray[np.uint8]]:
    """Take images evenly from all."""
    count = min(most, len(images))
    return [images[i * len(images) // count] for i in range(count)]


def _distance(wanted: Sequence[_Reading], found: Sequence[_Reading]) -> float:
    return 1 - min(_correlations(wanted, found))


def _correlations(wanted: Sequence[_Reading], found: Sequence[_Reading]) -> tuple[float, float]:
    """Give those of both scores."""
    idm = [np.concatenate([r.idm.ravel() for r in side]) for side in (wanted, found)]
    ood = [np.concatenate([r.ood.ravel() for r in side]) for side in (wanted, found)]
    return correlation(*idm), correlation(*ood)


def _read(model: onnx.ModelProto, images: Images) -> list[_Reading]:
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=['CPUExecutionProvider']
    )
    names = ['labels', 'idm_score', 'ood_score']
    return [_Reading(*session.run(names, feed(image))) for image in images]
